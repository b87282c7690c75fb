"""Reading a request: what is a ping, and whose."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.http import Scope
from earlywatch.ingest.parse import BAD_RUN_ID, PingRequest, Refusal, parse

KEY = "2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64"
RUN = "6BA7B810-9dad-11d1-80b4-00c04fd430c8"


def request(path: str = f"/ping/{KEY}", **more: Any) -> Scope:
    """An ASGI scope as gunicorn makes it."""
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 50_000),
        "scheme": "http",
        **more,
    }


def parsed(scope: Scope, trusted_proxies: int = 0) -> PingRequest:
    """Parse what must be a ping."""
    found = parse(scope, trusted_proxies)
    assert isinstance(found, PingRequest)
    return found


def refused(scope: Scope) -> Refusal:
    """Parse what must not be one."""
    found = parse(scope, 0)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("ending", "kind", "exit_status"),
    [
        ("", PingKind.SUCCESS, None),
        ("/start", PingKind.START, None),
        ("/fail", PingKind.FAIL, None),
        ("/log", PingKind.LOG, None),
        ("/0", PingKind.SUCCESS, 0),
        ("/1", PingKind.FAIL, 1),
        ("/255", PingKind.FAIL, 255),
        ("/007", PingKind.FAIL, 7),
    ],
)
def test_the_ending_says_what_happened(
    ending: str, slash: str, kind: PingKind, exit_status: int | None
) -> None:
    found = parsed(request(f"/ping/{KEY}{ending}{slash}"))

    assert (found.key, found.kind, found.exit_status) == (UUID(KEY), kind, exit_status)


@pytest.mark.parametrize("status", ["256", "1000", "9" * 5000])
def test_an_exit_status_over_255_is_refused_with_a_sentence(status: str) -> None:
    words = "The exit status must be a number from 0 to 255."

    assert refused(request(f"/ping/{KEY}/{status}")) == Refusal(400, words)


@pytest.mark.parametrize(
    "path",
    [
        "/ping/",
        "/ping/x",
        f"/ping/{KEY.upper()}",
        f"/ping/{KEY.replace('-', '')}",
        f"/ping/{KEY}x",
        f"/ping/{KEY}/stop",
        f"/ping/{KEY}/-1",
        f"/ping/{KEY}/²",
        f"/ping/{KEY}/٣",
        f"/ping/{KEY}//",
        f"/ping/{KEY}/start/0",
        f"/ping/{KEY}\n",
        f"/ping/{KEY}\0",
        f"/x/ping/{KEY}",
    ],
)
def test_what_is_no_ping_url_is_not_found(path: str) -> None:
    assert refused(request(path)) == Refusal(404, "not found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_refused(method: str) -> None:
    assert refused(request(method=method)).status == 405


def test_the_run_id_is_a_uuid_in_either_case() -> None:
    assert parsed(request(query_string=f"rid={RUN}".encode())).run_id == UUID(RUN)


@pytest.mark.parametrize(
    "query", ["rid=", "rid=7", f"rid={RUN}0", f"rid={{{RUN}}}", f"rid=%00{RUN}", "rid=%ff"]
)
def test_a_bad_run_id_is_refused_with_a_sentence(query: str) -> None:
    assert refused(request(query_string=query.encode())) == BAD_RUN_ID


def test_unknown_parameters_are_ignored() -> None:
    found = parsed(request(query_string=b"period=1d&m=done&x&=&rid2=7&create"))

    assert (found.message, found.run_id) == ("done", None)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"m=all%20good+%F0%9F%90%98", "all good 🐘"),
        (b"m=first&m=second", "first"),
        (b"m=", None),
        (b"m=a%00b", "a\N{REPLACEMENT CHARACTER}b"),
        (b"m=%ff%fe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"m=%ed%a0%80", "\N{REPLACEMENT CHARACTER}" * 3),
        ("m=über".encode(), "über"),
    ],
)
def test_any_message_can_be_stored(query: bytes, message: str | None) -> None:
    assert parsed(request(query_string=query)).message == message


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ([], 0, "192.0.2.1"),
        ([b"203.0.113.9"], 0, "192.0.2.1"),
        ([b"203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6, 203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6", b"203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6, 203.0.113.9, 10.0.0.7"], 2, "203.0.113.9"),
        ([b"203.0.113.9:4711"], 1, "203.0.113.9"),
        ([b"[2001:DB8::1]:4711"], 1, "2001:db8::1"),
        ([b"fe80::1%eth0"], 1, "fe80::1"),
        ([b"unknown"], 1, "192.0.2.1"),
        ([b"203.0.113.9"], 2, "192.0.2.1"),
        ([b"\xff\x00"], 1, "192.0.2.1"),
        ([], 3, "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_that_our_own_proxies_saw(
    forwarded: list[bytes], proxies: int, address: str
) -> None:
    headers = [(b"x-forwarded-for", value) for value in forwarded]

    assert parsed(request(headers=headers), proxies).remote_address == address


@pytest.mark.parametrize(
    ("proxies", "said", "scheme"),
    [
        (0, b"https", "http"),
        (1, b"https", "https"),
        (1, b"http, HTTPS", "https"),
        (1, b"x", "http"),
    ],
)
def test_the_scheme_is_believed_from_our_own_proxies_only(
    proxies: int, said: bytes, scheme: str
) -> None:
    assert parsed(request(headers=[(b"x-forwarded-proto", said)]), proxies).scheme == scheme


def test_a_request_over_a_unix_socket_has_no_address() -> None:
    assert parsed(request(client=None)).remote_address is None


def test_a_long_user_agent_is_cut() -> None:
    headers = [(b"user-agent", b"x" * 500)]

    assert parsed(request(headers=headers)).user_agent == "x" * 200


@pytest.mark.parametrize(
    ("headers", "has_body"),
    [
        ([], False),
        ([(b"content-length", b"0")], False),
        ([(b"content-length", b"3")], True),
        ([(b"transfer-encoding", b"chunked")], True),
    ],
)
def test_a_body_is_expected_where_the_head_announces_one(
    headers: list[tuple[bytes, bytes]], has_body: bool
) -> None:
    assert parsed(request(headers=headers)).has_body is has_body


HEADER_NAMES = st.sampled_from(
    [b"user-agent", b"x-forwarded-for", b"x-forwarded-proto", b"content-length", b"x"]
)


@given(
    path=st.one_of(
        st.text(),
        st.text().map(lambda rest: f"/ping/{KEY}/{rest}"),
        st.integers().map(lambda status: f"/ping/{KEY}/{status}"),
    ),
    query=st.one_of(st.binary(), st.binary().map(lambda rest: b"m=" + rest + b"&rid=" + rest)),
    headers=st.lists(st.tuples(HEADER_NAMES, st.binary())),
    proxies=st.integers(0, 10),
)
def test_no_bytes_make_the_parser_fail(
    path: str, query: bytes, headers: list[tuple[bytes, bytes]], proxies: int
) -> None:
    found = parse(request(path, query_string=query, headers=headers), proxies)

    if isinstance(found, Refusal):
        assert found.status in (400, 404)
    else:
        for text in (found.message or "", found.user_agent or ""):
            assert "\0" not in text
            text.encode()  # no lone surrogates either
