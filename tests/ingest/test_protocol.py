"""Our ping protocol over real connections, byte for byte."""

import re
import socket
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from earlywatch.models import Monitor, Ping
from tests.serving import Server, add_monitors, monitor_of

UNKNOWN = (
    "/ping/8c9d1f9e-41a5-4a9d-9e3d-0a4d6d1f7c55"  # fixed: xdist wants the same names everywhere
)

RUN = "2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64"
PLAIN = (
    b"content-type: text/plain; charset=utf-8\r\n"
    b"access-control-allow-origin: *\r\n"
    b"cache-control: no-store\r\n"
)
OK = b"HTTP/1.1 200 OK\r\n" + PLAIN + b"content-length: 2\r\nping-body-limit: 100000\r\n"
DATE = re.compile(rb"Server: gunicorn/asgi\r\nDate: [^\r]+ GMT\r\n")


@pytest.fixture
def key(engine: Engine) -> UUID:
    """The ping key of a new monitor."""
    return add_monitors(engine)[0]


def ask(server: Server, line: str, headers: str = "", body: bytes = b"") -> bytes:
    """Send one request and return the answer without what the server says about itself."""
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    answer = server.speak(head.encode() + body)
    return DATE.sub(b"", answer).replace(b"Connection: close\r\n", b"", 1)


def pings(engine: Engine, key: UUID) -> list[Ping]:
    """Return what is stored, oldest first."""
    query = select(Ping).join(Monitor, Monitor.id == Ping.monitor_id).filter_by(ping_key=key)
    with Session(engine) as session:
        return list(session.scalars(query.order_by(Ping.id)))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("ending", "kind", "exit_status"),
    [
        ("", "success", None),
        ("/", "success", None),
        ("/start", "start", None),
        ("/fail", "fail", None),
        ("/fail/", "fail", None),
        ("/log", "log", None),
        ("/0", "success", 0),
        ("/7", "fail", 7),
    ],
)
def test_a_ping_is_answered_ok_and_stored(
    ingest: Server,
    engine: Engine,
    key: UUID,
    method: str,
    ending: str,
    kind: str,
    exit_status: int | None,
) -> None:
    assert ask(ingest, f"{method} /ping/{key}{ending}") == OK + b"\r\nOK"

    [kept] = pings(engine, key)
    assert (kept.kind, kept.exit_status, kept.method) == (kind, exit_status, method)
    assert (str(kept.remote_address), kept.scheme) == ("127.0.0.1", "http")


def test_head_is_a_ping_whose_answer_has_no_body(ingest: Server, engine: Engine, key: UUID) -> None:
    assert ask(ingest, f"HEAD /ping/{key}") == OK + b"\r\n"
    assert [kept.method for kept in pings(engine, key)] == ["HEAD"]


def test_query_and_user_agent_are_kept(ingest: Server, engine: Engine, key: UUID) -> None:
    query = f"rid={RUN}&m=4%20files%2C+%C3%BC&unknown=%ff"

    answer = ask(ingest, f"GET /ping/{key}/start?{query}", "User-Agent: backup.sh\r\n")

    assert answer == OK + b"\r\nOK"
    [kept] = pings(engine, key)
    assert (str(kept.run_id), kept.message, kept.user_agent) == (RUN, "4 files, ü", "backup.sh")
    assert str(monitor_of(engine, key).run_id) == RUN


@pytest.mark.parametrize("status", ["paused", "frozen"])
def test_a_monitor_that_is_not_watched_says_so_and_keeps_the_ping(
    ingest: Server, engine: Engine, status: str
) -> None:
    [key] = add_monitors(engine, status=status)
    words = b"OK (paused - not monitored)"

    answer = ask(ingest, f"GET /ping/{key}")

    head = OK.replace(b"content-length: 2", b"content-length: 27")
    assert answer == head + b"\r\n" + words
    assert len(pings(engine, key)) == 1
    assert monitor_of(engine, key).status == status


@pytest.mark.parametrize("path", [UNKNOWN, "/ping/x", "/ping/", "/ping", "/", "/x"])
def test_what_does_not_exist_is_not_found(ingest: Server, path: str) -> None:
    head = b"HTTP/1.1 404 Not Found\r\n" + PLAIN + b"content-length: 9\r\n\r\n"

    assert ask(ingest, f"GET {path}") == head + b"not found"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("/256", b"The exit status must be a number from 0 to 255."),
        ("?rid=7", b"The rid must be a UUID, for example " + RUN.encode() + b"."),
    ],
)
def test_bad_input_is_refused_with_a_sentence(
    ingest: Server, engine: Engine, key: UUID, rest: str, words: bytes
) -> None:
    length = b"content-length: %d\r\n\r\n" % len(words)

    answer = ask(ingest, f"GET /ping/{key}{rest}")

    assert answer == b"HTTP/1.1 400 Bad Request\r\n" + PLAIN + length + words
    assert pings(engine, key) == []


def test_other_methods_are_told_the_right_ones(ingest: Server, key: UUID) -> None:
    words = b"Send a ping with GET, HEAD or POST."
    rest = b"content-length: 35\r\nallow: GET, HEAD, POST\r\n\r\n"

    answer = ask(ingest, f"DELETE /ping/{key}")

    assert answer == b"HTTP/1.1 405 Method Not Allowed\r\n" + PLAIN + rest + words


def test_a_body_is_kept_as_it_came(ingest: Server, engine: Engine, key: UUID) -> None:
    body = b"\xff\x00\r\n" + bytes(range(256))

    answer = ask(ingest, f"POST /ping/{key}/fail", f"Content-Length: {len(body)}\r\n", body)

    assert answer == OK + b"\r\nOK"
    [kept] = pings(engine, key)
    assert (kept.body, kept.body_cut) == (body, False)


def test_a_chunked_body_is_kept(ingest: Server, engine: Engine, key: UUID) -> None:
    body = b"4\r\nlog \r\n4\r\nline\r\n0\r\n\r\n"

    assert ask(ingest, f"POST /ping/{key}", "Transfer-Encoding: chunked\r\n", body).endswith(b"OK")
    assert pings(engine, key)[0].body == b"log line"


@pytest.mark.parametrize(("size", "cut"), [(100_000, False), (100_001, True), (3_000_000, True)])
def test_a_large_body_is_cut_and_never_refused(
    ingest: Server, engine: Engine, key: UUID, size: int, cut: bool
) -> None:
    assert ingest.get(f"/ping/{key}", "POST", b"x" * size) == (200, b"OK")

    [kept] = pings(engine, key)
    assert kept.body == b"x" * min(size, 100_000)
    assert kept.body_cut is cut


def test_after_a_cut_body_the_connection_serves_the_next_ping(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key}/log HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n".encode()
    last = f"GET /ping/{key}/fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    answers = ingest.speak(head + b"x" * 200_000 + last)

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert [kept.kind for kept in pings(engine, key)] == ["log", "fail"]


def test_an_endless_body_is_stored_and_cut_off(ingest: Server, engine: Engine, key: UUID) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n".encode()

    with socket.create_connection(("127.0.0.1", ingest.port), timeout=20) as connection:
        connection.sendall(head)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            connection.sendall(b"x" * 100_000_000)

    [kept] = pings(engine, key)
    assert (len(kept.body or b""), kept.body_cut) == (100_000, True)


def test_a_body_that_breaks_off_is_no_ping(ingest: Server, engine: Engine, key: UUID) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", ingest.port), timeout=20) as connection:
        connection.sendall(head + b"half")

    assert ingest.get(f"/ping/{key}/log") == (200, b"OK")
    assert [kept.kind for kept in pings(engine, key)] == ["log"]


def test_a_client_that_waits_for_100_continue_gets_it(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    with socket.create_connection(("127.0.0.1", ingest.port), timeout=20) as connection:
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"end")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")

    assert pings(engine, key)[0].body == b"end"


def test_http_1_0_is_understood(ingest: Server, engine: Engine, key: UUID) -> None:
    answer = ingest.speak(f"GET /ping/{key} HTTP/1.0\r\n\r\n".encode())

    assert DATE.sub(b"", answer) == (
        OK.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: close\r\n\r\nOK"
    )
    assert len(pings(engine, key)) == 1


def test_a_kept_connection_serves_one_ping_after_the_other_in_order(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    kinds = ["start", "log", "fail", "log", "0"] * 4
    lines = [f"GET /ping/{key}/{kind} HTTP/1.1\r\nHost: x\r\n\r\n" for kind in kinds]
    lines[-1] = lines[-1].replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")

    answers = ingest.speak("".join(lines).encode())

    assert answers.count(b"HTTP/1.1 200 OK") == len(kinds)
    wanted = ["success" if kind == "0" else kind for kind in kinds]
    assert [kept.kind for kept in pings(engine, key)] == wanted


@pytest.mark.parametrize("junk", ["m=%00%ff%ed%a0%80", "%", "&&==&m", "m=%F0%9F"])
def test_junk_in_the_query_is_no_reason_to_fail(
    ingest: Server, engine: Engine, key: UUID, junk: str
) -> None:
    head = f"GET /ping/{key}?{junk} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert ingest.speak(head.encode()).startswith(b"HTTP/1.1 200 OK")
    assert len(pings(engine, key)) == 1


def test_raw_bytes_in_the_address_are_the_clients_mistake(ingest: Server, key: UUID) -> None:
    line = f"GET /ping/{key}?m=".encode() + b"\xff HTTP/1.1\r\n"

    assert ingest.speak(line + b"Host: x\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_junk_in_a_header_is_no_reason_to_fail(ingest: Server, engine: Engine, key: UUID) -> None:
    head = f"GET /ping/{key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()

    answer = ingest.speak(head + b"User-Agent: \xff\xfe\xe9\r\nX-Forwarded-For: \xff\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert len(pings(engine, key)) == 1
