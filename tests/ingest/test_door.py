"""The guarded door: floods, slow clients and wrong lengths are cut off, on real connections."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.ingest.speaking import ITSELF, LIMIT, OK, answer, ask, get, pings, rest_of, talk
from tests.ingest.test_parse_properties import QUERIES
from tests.serving import Server, add_monitors

PATIENCE = 1.0  # seconds, of the hasty server
PROMPT = 5.0  # seconds, on a busy machine
CLOSE = b"connection: close\r\n"
LIMITS: dict[str, Any] = {
    "PING_BURST": "20",
    "PING_RATE": "1",
    "ADDRESS_BURST": "30",
    "ADDRESS_RATE": "0.01",
}
TOO_SLOW = answer("408 Request Timeout", "The body did not arrive.", CLOSE)
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")


@pytest.fixture(scope="module")
def guarded(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers behind one proxy, with the limits that everybody has; few for an address."""
    log = tmp_path_factory.mktemp("guarded") / "log.txt"
    with Server("ingest_app", ping_database, log, TRUSTED_PROXIES="1", **LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def hasty(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker behind two proxies that waits for a body for a second."""
    log = tmp_path_factory.mktemp("hasty") / "log.txt"
    target = "tests.ingest.hasty:app"
    with Server(target, ping_database, log, workers=1, TRUSTED_PROXIES="2") as server:
        yield server


def told_to_wait(heard: bytes) -> int:
    """Return the seconds that a whole answer 429 tells to wait."""
    wait = int(heard.partition(b"retry-after: ")[2].partition(b"\r\n")[0])
    extra = f"retry-after: {wait}\r\n".encode()
    assert heard.replace(CLOSE, b"") == answer("429 Too Many Requests", "slow down", extra)
    return wait


def test_a_flooded_key_is_slowed_down_by_all_workers_together(
    guarded: Server, engine: Engine
) -> None:
    flooded, other = add_monitors(engine, 2)
    start = time.monotonic()

    heard = [ask(guarded, f"GET /ping/{flooded}/log") for _ in range(50)]

    let_in = heard.count(OK)
    assert 20 <= let_in <= 20 + (time.monotonic() - start)
    assert heard[:20] == [OK] * 20
    assert {told_to_wait(each) for each in heard if each != OK} == {1}
    assert len(pings(engine, flooded)) == let_in
    assert ask(guarded, f"GET /ping/{other}") == OK


def test_what_makes_no_sense_is_counted_too(guarded: Server, key: UUID) -> None:
    heard = [ask(guarded, f"GET /ping/{key}?rid=7")[9:12] for _ in range(30)]

    assert heard[:20] == [b"400"] * 20 != heard[-20:]


@pytest.mark.parametrize("sent", [0, 199_999])
def test_who_is_slowed_down_is_told_before_the_body(
    guarded: Server, engine: Engine, key: UUID, sent: int
) -> None:
    for _ in range(25):
        ask(guarded, f"GET /ping/{key}/log")
    stored = len(pings(engine, key))
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n".encode()

    with talk(guarded, head) as connection:
        start = time.monotonic()
        heard = connection.recv(1000)
        assert time.monotonic() - start < PROMPT
        connection.sendall(b"x" * sent)
        assert rest_of(connection) == b""
        assert time.monotonic() - start < 2 * PROMPT

    assert heard.startswith(b"HTTP/1.1 429 ")
    assert CLOSE in heard
    assert len(pings(engine, key)) == stored


def test_an_address_is_slowed_down_whatever_it_pings_and_says(
    guarded: Server, engine: Engine
) -> None:
    keys = add_monitors(engine, 4)

    def ping(n: int, proxied_for: str) -> bytes:
        forwarded = f"X-Forwarded-For: 10.0.0.{n}, {proxied_for}\r\n"
        return ask(guarded, f"GET /ping/{keys[n % 4]}/log", forwarded)

    heard = [ping(n, f"2001:db8::{n:x}") for n in range(33)]

    assert heard[:30] == [OK] * 30
    assert all(told_to_wait(each) > 50 for each in heard[30:])
    assert ping(0, "2001:db8:0:1::") == OK


@pytest.mark.parametrize(
    "said", ["", "6.6.6.6", "6.6.6.6, 203.0.113.9", "6.6.6.6, 203.0.113.9, ::1"]
)
def test_the_address_is_counted_from_the_right(
    ingest: Server, guarded: Server, hasty: Server, engine: Engine, said: str
) -> None:
    [key] = add_monitors(engine)
    header = f"X-Forwarded-For: {said}\r\n" if said else ""

    for server in (ingest, guarded, hasty):
        assert ask(server, f"GET /ping/{key}/log", header) == OK

    given = said.split(", ") if said else []
    one_proxy = given[-1] if given else "127.0.0.1"
    two_proxies = given[-2] if len(given) > 1 else "127.0.0.1"
    seen = [str(kept.remote_address) for kept in pings(engine, key)]
    assert seen == ["127.0.0.1", one_proxy, two_proxies]


@pytest.mark.parametrize(
    ("framing", "drip"),
    [
        (b"Content-Length: 10\r\n\r\nhalf", b""),
        (b"Content-Length: 1000\r\n\r\n", b"x"),
        (b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"Content-Length: 50\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08", b""),
    ],
    ids=["too short", "dripping", "chunked", "dripping chunks", "gzip"],
)
def test_a_body_that_does_not_come_is_no_ping(
    hasty: Server, engine: Engine, key: UUID, framing: bytes, drip: bytes
) -> None:
    start = time.monotonic()
    with talk(hasty, f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\n".encode() + framing) as connection:
        heard = b""
        connection.settimeout(0.1)
        while len(heard) < len(TOO_SLOW):
            assert time.monotonic() - start < PROMPT
            connection.sendall(drip)
            try:
                heard += connection.recv(1000)
            except TimeoutError:
                continue
        connection.settimeout(PROMPT)
        rest_of(connection)

    assert time.monotonic() - start >= PATIENCE
    assert ITSELF.sub(b"", heard) == TOO_SLOW
    assert pings(engine, key) == []


def test_a_body_whose_end_does_not_come_is_stored_when_no_more_of_it_would_be_kept(
    hasty: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n".encode()

    with talk(hasty, head + b"x" * 150_000) as connection:
        heard = rest_of(connection)

    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert LIMIT in heard
    assert CLOSE in heard
    assert [kept.body_cut for kept in pings(engine, key)] == [True]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("X: " + "x" * 9_000, 431),
        ("\r\n".join(f"X{n}: 1" for n in range(101)), 431),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 4\r\nContent-Length: 40", 400),
        ("Content-Length: -4", 400),
        ("Content-Length: 4x", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        ("no colon", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_head_that_makes_no_sense_is_refused_and_the_connection_closed(
    ingest: Server, engine: Engine, key: UUID, headers: str, status: int
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode()

    with talk(ingest, head + b"body" + get(f"/ping/{key}")) as connection:
        heard = rest_of(connection)

    assert heard.startswith(f"HTTP/1.1 {status} ".encode())
    assert heard.count(b"HTTP/1.1") == 1
    assert pings(engine, key) == []


def test_an_address_that_is_too_long_is_refused(ingest: Server, engine: Engine, key: UUID) -> None:
    with talk(ingest, get(f"/ping/{key}?m={'x' * 8_200}")) as connection:
        assert rest_of(connection).startswith(b"HTTP/1.1 414 ")

    assert pings(engine, key) == []


def test_raw_bytes_in_the_address_are_the_clients_mistake(ingest: Server, key: UUID) -> None:
    line = f"GET /ping/{key}?m=".encode() + b"\xff HTTP/1.1\r\n"

    assert ingest.speak(line + b"Host: x\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    "chunk", [b"zz\r\nbody\r\n", b"-4\r\nbody\r\n", b"4\r\nbody!\r\n0\r\n\r\n"]
)
def test_chunks_with_a_wrong_length_are_no_ping(
    ingest: Server, engine: Engine, key: UUID, chunk: bytes
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()

    with talk(ingest, head + chunk) as connection:
        assert rest_of(connection).startswith(b"HTTP/1.1 400 ")

    assert pings(engine, key) == []


def test_what_is_longer_than_its_length_is_no_second_ping(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n".encode()

    with talk(ingest, head + b"bodyand a line of the log\r\n\r\n" + get(f"/ping/{key}/fail")) as it:
        heard = rest_of(it)

    assert heard.count(b"HTTP/1.1 200 ") <= 1
    assert heard.count(b"HTTP/1.1 400 ") == 1
    assert [kept.body for kept in pings(engine, key)] in ([], [b"body"])


def test_many_requests_at_once_on_one_connection_are_answered_in_their_order(
    ingest: Server, key: UUID
) -> None:
    paths = [f"/ping/{key}/log", f"/ping/{UUID(int=7)}"]
    words = b"".join(get(path) for path in paths * 50) + get("/ping/x", "Connection: close")

    with talk(ingest, words) as connection:
        heard = rest_of(connection)

    assert STATUS.findall(heard) == [b"200", b"404"] * 50 + [b"404"]


def test_junk_in_a_header_is_no_reason_to_fail(ingest: Server, engine: Engine, key: UUID) -> None:
    head = f"GET /ping/{key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()

    heard = ingest.speak(head + b"User-Agent: \xff\xfe\xe9\r\nX-Forwarded-For: \xff\r\n\r\n")

    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert len(pings(engine, key)) == 1


@pytest.fixture(scope="module")
def target(engine: Engine) -> UUID:
    """The ping key of a monitor for junk."""
    return add_monitors(engine)[0]


LINES = st.one_of(
    QUERIES.map(lambda query: b"?" + query),
    st.binary(max_size=60).map(lambda rest: b"/" + rest),
    st.binary(max_size=60).map(lambda rest: b" HTTP/1.1\r\nHost: x\r\n" + rest),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(line=LINES, body=st.binary(max_size=20), missing=st.integers(0, 21))
def test_no_bytes_make_the_server_fail_or_keep_what_it_refused(
    hasty: Server, engine: Engine, target: UUID, line: bytes, body: bytes, missing: int
) -> None:
    before = len(pings(engine, target))
    length = f"Content-Length: {len(body) - missing}".encode()
    words = [f"POST /ping/{target}/log".encode() + line + b" HTTP/1.1", b"Host: x", length]
    words += [b"Connection: close", b"", body]

    with talk(hasty, b"\r\n".join(words)) as connection:
        heard = rest_of(connection)

    statuses = Counter(status[:1] for status in STATUS.findall(heard))
    assert statuses.keys() <= {b"2", b"4"}
    assert len(pings(engine, target)) - before == statuses[b"2"]
