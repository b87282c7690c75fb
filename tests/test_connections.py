"""Connections that say little or nothing: they neither stay nor keep others out."""

import http.client
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import Engine, create_engine

from earlywatch.clock import utcnow
from earlywatch.connection import HEAD_PATIENCE
from earlywatch.services.links import Links
from tests.serving import SECRET_KEY, Server, add_monitors, database_with_tables, monitor_of
from tests.waiting import wait_until

FILES = 256
PROMPT = 5.0  # seconds, on a busy machine; whoever is kept out waits for ever
DRIPPING = 24  # more than the site has threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are set as Linux does")


@pytest.fixture(scope="module")
def database(worker: str) -> Iterator[str]:
    """The address of a database with all tables."""
    with database_with_tables(f"{worker}_connections") as url:
        yield url


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[Engine]:
    """A way to look into that database."""
    engine = create_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Server]:
    """`earlywatch web`, one worker that may open few files."""
    log = tmp_path / "log.txt"
    with Server("app", database, log, workers=1, files=(FILES // 2, FILES)) as server:
        yield server


@pytest.fixture
def ping(engine: Engine) -> str:
    """The path of a ping."""
    return f"/ping/{add_monitors(engine)[0]}"


def seconds_for(server: Server, path: str) -> float:
    """Return how long an answer takes, which must be a 200."""
    start = time.monotonic()
    assert server.get(path)[0] == 200
    return time.monotonic() - start


def connections(server: Server, count: int, words: bytes = b"") -> list[socket.socket]:
    opened = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(count)]
    for connection in opened:
        connection.sendall(words)
    return opened


def is_closed(connection: socket.socket, drip: bytes) -> bool:
    """Send something more; return whether the other side has closed."""
    connection.settimeout(0.05)
    try:
        connection.sendall(drip)
        return connection.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_server_may_open_as_many_files_as_the_system_allows(server: Server) -> None:
    assert server.process is not None
    [worker] = psutil.Process(server.process.pid).children()

    assert resource.prlimit(worker.pid, resource.RLIMIT_NOFILE) == (FILES, FILES)


@pytest.mark.parametrize("words", [b"", b"GET /ping/"], ids=["silent", "slow"])
def test_more_connections_than_files_do_not_keep_pings_out(
    server: Server, ping: str, words: bytes
) -> None:
    with ExitStack() as stack:
        for connection in connections(server, 2 * FILES, words):
            stack.enter_context(connection)

        assert seconds_for(server, ping) < PROMPT
        assert seconds_for(server, "/sign-in") < PROMPT


def test_connections_kept_after_a_request_do_not_keep_pings_out(server: Server, ping: str) -> None:
    with ExitStack() as stack:
        for _ in range(FILES):
            [connection] = connections(server, 1, b"GET /ping/x HTTP/1.1\r\nHost: x\r\n\r\n")
            stack.enter_context(connection)
            assert connection.recv(1000).startswith(b"HTTP/1.1 404")

        assert seconds_for(server, ping) < PROMPT


def test_a_connection_whose_request_does_not_come_is_closed(server: Server) -> None:
    start = time.monotonic()
    [silent] = connections(server, 1)
    [slow] = connections(server, 1, b"GET /ping/")
    with silent, slow:
        wait_until(lambda: is_closed(slow, b"x"), HEAD_PATIENCE + PROMPT, "the end", every=0.5)
        wait_until(lambda: is_closed(silent, b""), PROMPT, "the end")

        assert time.monotonic() - start > HEAD_PATIENCE - 1


def test_open_pages_leave_room_for_pings(server: Server, engine: Engine, ping: str) -> None:
    workspace_id = monitor_of(engine, UUID(ping.removeprefix("/ping/"))).workspace_id
    live = Links("http://localhost", SECRET_KEY).live_path(workspace_id, utcnow())
    request = f"GET {live} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as stack:
        opened = connections(server, FILES // 2, request)
        for connection in opened:
            stack.enter_context(connection)
        answers = [connection.recv(20) for connection in opened]

        assert answers[0].startswith(b"HTTP/1.1 200")
        assert answers[-1].startswith(b"HTTP/1.1 503")
        assert seconds_for(server, ping) < PROMPT


FORM = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def test_slow_forms_do_not_keep_anybody_waiting(server: Server) -> None:
    start = time.monotonic()
    with ExitStack() as stack:
        dripping = connections(server, DRIPPING, FORM + b"Content-Length: 1000\r\n\r\nemail=")
        for connection in dripping:
            stack.enter_context(connection)

        assert seconds_for(server, "/sign-in") < PROMPT

        dripping[0].settimeout(1)
        answer = b""
        while not answer:
            assert time.monotonic() - start < 30
            dripping[0].sendall(b"x")
            try:
                answer = dripping[0].recv(1000)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000,
        b"Transfer-Encoding: chunked\r\n\r\n493e0\r\n" + b"x" * 300_000 + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
def test_a_form_that_is_too_large_is_told_so(server: Server, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        connection.sendall(FORM + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()

        assert answer.status == 413
        assert b"That is too large" in answer.read()
