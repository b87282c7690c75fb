"""Whatever bytes come, the parser answers with a value: no exception, and nothing unstorable."""

import json
import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.ingest.parse import parse
from earlywatch.ingest.query import PARAMETERS, read_query, read_wish
from earlywatch.ingest.request import Refusal
from tests.ingest.test_parse import KEY, request

PARTS = ["", "/", "start", "log", "7", "256", "K3y", "k3y", "Slug", "slug", KEY, KEY.upper()]
HEADERS = [
    "user-agent", "x-forwarded-for", "x-forwarded-proto", "content-length", "content-encoding", "x",
]  # fmt: skip


def encoded(name: str, value: bytes) -> bytes:
    return name.encode() + b"=" + b"".join(b"%%%02x" % byte for byte in value)


JUNK = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"1", b"1e400", b"-1", b"nan", b"a:1", b"a:nan", b"duration:-1", KEY.encode()]
    ),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
PAIRS = st.builds(encoded, st.sampled_from(PARAMETERS), JUNK) | st.binary(max_size=40)
join: Callable[[list[bytes]], bytes] = b"&".join
QUERIES = st.lists(PAIRS, max_size=8).map(join)
PATHS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PARTS) | st.text(max_size=8), max_size=4).map(
        lambda parts: "/ping/" + "/".join(parts)
    ),
)
HEADS = st.lists(st.tuples(st.sampled_from([h.encode() for h in HEADERS]), st.binary()))


@given(path=PATHS, query=QUERIES, headers=HEADS, proxies=st.integers(0, 10))
def test_no_bytes_make_the_parser_fail(
    path: str, query: bytes, headers: list[tuple[bytes, bytes]], proxies: int
) -> None:
    found, asked = parse(request(path, headers=headers), proxies), read_query(query)

    for refused in (found, asked):
        if isinstance(refused, Refusal):
            assert refused.status in (400, 404)
            refused.words.encode()
    if isinstance(found, Refusal) or isinstance(asked, Refusal):
        return
    for text in (asked.message or "", found.sender.user_agent or ""):
        assert "\0" not in text
        assert len(text) <= 2_000
        text.encode()  # no lone surrogates either
    json.dumps(asked.metrics, allow_nan=False)
    if asked.progress is not None:
        assert math.isfinite(asked.progress.done)


@given(query=QUERIES.map(lambda query: b"create=1&" + query))
def test_no_wish_makes_the_parser_fail(query: bytes) -> None:
    asked = read_query(query)

    if not isinstance(asked, Refusal):
        assert asked.wish is not None
        wish = read_wish(asked.wish)
        if isinstance(wish, Refusal):
            assert wish.status == 400
            wish.words.encode()
