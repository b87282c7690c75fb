"""Whole requests on the short way: read as the server reads them, answered in their order."""

import socket
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from gunicorn.asgi.parser import CallbackRequest, PythonProtocol
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from earlywatch.ingest.whole import take
from tests.ingest.speaking import ITSELF, LIMIT, NOT_FOUND, OK, answer, get, pings, talk
from tests.serving import Server, add_monitors
from tests.waiting import wait_until

KEY = "5f0c2f6e-6b1d-4c58-9a43-0d8f6f1f5b7e"
CLIENT = ("192.0.2.7", 4711)
CREATED = answer("201 Created", "Created", LIMIT)

WORDS = b"""GET |POST |HEAD |PUT |/ping/|/start|?m=a%20b|%41| HTTP/1.1| HTTP/1.0|\r\n|\r\n\r\n|\n|
Host: x|host:y|: | |Content-Length: |3|+3|0|abc|Transfer-Encoding: chunked|X_Y: 1|Connection: close|
User-Agent:  curl/8.5.0 \t|\t|\0|\xc3\xbc|#|//"""
LINES = b"""Host: x|User-Agent: curl/8.5.0|Accept: */*|Content-Length: 3|A:|B: \t|Content-Length: 0|
X-Forwarded-For: 1.2.3.4|Connection: close|C: \xff|Connection: Keep-Alive|Expect: 100-continue|
D : 1|Host: y| E: 1"""
PIECES = st.sampled_from([KEY.encode(), *WORDS.replace(b"|\n", b"|").split(b"|")])
NOISE = st.one_of(st.lists(PIECES, max_size=14).map(b"".join), st.binary(max_size=80))
HEADERS = st.lists(st.sampled_from(LINES.replace(b"|\n", b"|").split(b"|")), max_size=6)
REQUESTS = st.builds(
    lambda method, target, headers, rest: b"\r\n".join(
        [method + b" /ping/" + target + b" HTTP/1.1", *headers, b"", rest]
    ),
    st.sampled_from([b"GET", b"HEAD", b"POST"]),
    st.sampled_from(
        [KEY.encode(), KEY.encode() + b"/fail?m=1&m", b"key/slug", b"", b"?", b"a?b?c"]
    ),
    HEADERS,
    st.one_of(NOISE, st.just(b"abc"), st.just(b"abcGET / HTTP/1.1\r\n\r\n")),
)


class Read:
    """A request as gunicorn reads it."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.complete = False
        self.request: CallbackRequest | None = None
        self._parser = PythonProtocol(
            on_headers_complete=self._head, on_body=self._more, on_message_complete=self._end
        )
        self._parser.feed(data)
        self.rest = self._parser.remaining()

    def _head(self) -> bool:
        self.request = CallbackRequest.from_parser(self._parser)
        return False

    def _more(self, piece: bytes) -> None:
        self.body += piece

    def _end(self) -> None:
        self.complete = True


def as_read_by_gunicorn(data: bytes) -> None:
    """Compare the short way, if it takes this, with gunicorn's parser."""
    whole = take(data, CLIENT)
    if whole is None:
        return
    read = Read(data)
    request = read.request
    assert read.complete
    assert request is not None
    assert (whole.body, whole.rest) == (read.body, read.rest)
    assert whole.scope["headers"] == request.headers_bytes
    assert whole.scope["method"] == request.method
    assert whole.scope["path"] == request.path
    assert whole.scope["query_string"] == request.query.encode("latin-1")
    assert whole.closes == request.should_close()


@given(REQUESTS)
def test_what_is_taken_reads_as_the_server_would_read_it(data: bytes) -> None:
    as_read_by_gunicorn(data)


@given(NOISE)
def test_arbitrary_bytes_are_left_alone_or_read_as_the_server_would(data: bytes) -> None:
    as_read_by_gunicorn(data)


def test_what_curl_sends_is_taken() -> None:
    data = get(f"/ping/{KEY}/7?m=x", "User-Agent: curl/8.5.0", "Accept: */*")

    whole = take(data + b"GET", CLIENT)

    assert whole is not None
    assert (whole.scope["path"], whole.scope["query_string"]) == (f"/ping/{KEY}/7", b"m=x")
    assert (whole.body, whole.rest, whole.closes) == (b"", b"GET", False)
    assert whole.scope["client"] == CLIENT


def test_a_body_that_is_there_is_taken_with_its_request() -> None:
    data = get("/ping/x", "Content-Length: 3").replace(b"GET", b"POST", 1)

    whole = take(data + b"abcd", CLIENT)

    assert whole is not None
    assert (whole.body, whole.rest) == (b"abc", b"d")
    assert take(data + b"ab", CLIENT) is None


def hear(connection: socket.socket, length: int) -> bytes:
    """Return what is heard, without what the server says about itself, at least so many bytes."""
    heard = b""
    while len(heard) < length and (piece := connection.recv(65_536)):
        heard = ITSELF.sub(b"", heard + piece)
    return heard


def test_pings_sent_at_once_are_answered_in_their_order(ingest: Server, engine: Engine) -> None:
    [key] = add_monitors(engine)
    sent = [get(f"/ping/{key}/log?m={n}") for n in range(5)] + [get("/ping/x")]
    expected = OK * 5 + NOT_FOUND

    with talk(ingest, b"".join(sent)) as connection:
        assert hear(connection, len(expected)) == expected
        connection.sendall(sent[0])
        assert hear(connection, len(OK)) == OK

    assert [kept.message for kept in pings(engine, key)] == ["0", "1", "2", "3", "4", "0"]


def test_who_asks_on_without_waiting_for_a_refusal_is_cut_off(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    ping = get(f"/ping/{key}")
    closing = NOT_FOUND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    with talk(ingest, ping + get("/ping/x") + ping) as connection:
        assert hear(connection, 10**6) == OK + closing

    assert len(pings(engine, key)) == 1


def test_of_what_is_asked_at_once_little_is_held(ingest: Server, key: UUID) -> None:
    sent = 0
    with talk(ingest) as connection:
        connection.settimeout(0.5)
        piece = get(f"/ping/{key}/log") * 1000
        try:
            while sent < 20_000_000:
                sent += connection.send(piece)
        except OSError:  # it reads no faster than it answers
            pass

    assert sent < 20_000_000


def test_a_connection_may_ask_for_anything_else_after_its_pings(
    ingest: Server, engine: Engine
) -> None:
    [key] = add_monitors(engine)
    ping = get(f"/ping/{key}")

    with talk(ingest, ping + get("/healthz") + ping) as connection:
        heard = hear(connection, 0)
        wait_until(lambda: len(pings(engine, key)) == 2, 10, "both pings")
        while heard.count(b"HTTP/1.1 200") < 3:
            heard += hear(connection, 1)

    assert heard.startswith(OK)
    assert heard.endswith(OK)
    assert b'"database"' in heard


def test_a_request_in_pieces_is_answered_all_the_same(ingest: Server, engine: Engine) -> None:
    [key] = add_monitors(engine)
    ping = get(f"/ping/{key}")

    with talk(ingest, ping + ping[:20]) as connection:
        assert hear(connection, len(OK)) == OK
        connection.sendall(ping[20:])
        assert hear(connection, len(OK)) == OK

    assert len(pings(engine, key)) == 2


def test_a_client_that_has_said_all_still_hears_the_answer(ingest: Server, engine: Engine) -> None:
    [key] = add_monitors(engine)

    with talk(ingest, get(f"/ping/{key}") * 2) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert hear(connection, 10**6) == OK * 2


def test_an_old_client_that_has_said_all_hears_the_answer_too(ingest: Server, key: UUID) -> None:
    with talk(ingest, f"GET /ping/{key} HTTP/1.0\r\n\r\n".encode()) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert hear(connection, 10**6).endswith(b"\r\n\r\nOK")


def test_a_close_that_was_asked_for_is_announced_and_done(ingest: Server, key: UUID) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    with talk(ingest, get(f"/ping/{key}", "Connection: close") * 2) as connection:
        assert hear(connection, 10**6) == closing


def test_answers_that_nobody_takes_do_not_pile_up(ingest: Server, engine: Engine) -> None:
    with talk(ingest) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        sent = 0
        pings_of_nobody = get(f"/ping/{KEY}") * 1000
        try:
            while sent < 20_000_000:
                sent += connection.send(pings_of_nobody)
        except BlockingIOError:
            pass

        assert sent < 20_000_000
        assert ingest.get("/healthz")[0] in (200, 503)


def test_a_server_that_stops_answers_the_pings_it_has(
    ping_database: str, engine: Engine, tmp_path: Path
) -> None:
    [key] = add_monitors(engine)
    log = tmp_path / "log.txt"
    with (
        Server("ingest_app", ping_database, log, workers=1) as server,
        talk(server, get(f"/ping/{key}")) as kept,
    ):
        assert hear(kept, len(OK)) == OK
        server.stop()
        assert kept.recv(10) == b""


def test_who_does_not_slow_down_is_answered_at_once_and_then_heard_seldom(
    ping_database: str, engine: Engine, tmp_path: Path
) -> None:
    [key] = add_monitors(engine)
    limits: dict[str, Any] = {"PING_BURST": "1", "PING_RATE": "0.01"}
    log, ping = tmp_path / "log.txt", get(f"/ping/{key}")
    with (
        Server("ingest_app", ping_database, log, workers=1, **limits) as server,
        talk(server) as connection,
    ):
        answers, end = 0, time.monotonic() + 1
        while time.monotonic() < end:
            connection.sendall(ping)
            assert connection.recv(1000).startswith((b"HTTP/1.1 200", b"HTTP/1.1 429"))
            answers += 1

    assert 2 < answers < 30
    assert len(pings(engine, key)) == 1
