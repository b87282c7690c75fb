"""The database goes, the server goes: no ping that was answered 200 is lost."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

import psutil
import psycopg
import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from earlywatch.db import Base
from earlywatch.embedded import EmbeddedPostgres
from earlywatch.models import Monitor, Ping
from tests.serving import Server, add_monitors, connect
from tests.waiting import wait_until

SOON = 8.0  # seconds within which nobody may be left without an answer
CLIENTS = 16


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that the tests here may stop, freeze and start."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        engine = create_engine(server.url)
        Base.metadata.create_all(engine)
        engine.dispose()
        yield server


@pytest.fixture
def engine(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    """A way to look into that database."""
    engine = create_engine(postgres.url, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture
def server(postgres: EmbeddedPostgres, engine: Engine, tmp_path: Path) -> Iterator[Server]:
    """`earlywatch ingest` with one worker."""
    with Server("ingest_app", postgres.url, tmp_path / "log.txt", workers=1) as server:
        yield server


@pytest.fixture
def key(engine: Engine) -> UUID:
    """The ping key of a new monitor."""
    return add_monitors(engine)[0]


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Processes that stay there and do not answer."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def timed(server: Server, path: str) -> tuple[int, float]:
    """Send a ping; return the status of the answer and the seconds it took."""
    start = time.monotonic()
    status, _ = server.get(path)
    return status, time.monotonic() - start


def test_without_database_pings_are_refused_and_taken_again_when_it_is_back(
    server: Server, postgres: EmbeddedPostgres, key: UUID
) -> None:
    assert server.get(f"/ping/{key}") == (200, b"OK")

    postgres.stop()
    try:
        answer = server.speak(f"GET /ping/{key} HTTP/1.0\r\n\r\n".encode())
        refused, seconds = timed(server, f"/ping/{key}")
        wait_until(lambda: server.get("/healthz")[0] == 503, SOON, "a new look")
    finally:
        postgres.start()

    assert answer.startswith(b"HTTP/1.0 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 5\r\n" in answer
    assert answer.endswith(b"The ping could not be stored. Please try again.")
    assert refused == 503
    assert seconds < SOON
    assert server.get(f"/ping/{key}") == (200, b"OK")


def test_a_restart_of_the_database_between_two_pings_is_not_noticed(
    server: Server, postgres: EmbeddedPostgres, key: UUID
) -> None:
    assert server.get(f"/ping/{key}") == (200, b"OK")

    postgres.stop()
    postgres.start()

    assert server.get(f"/ping/{key}") == (200, b"OK")


def test_a_database_that_is_silent_refuses_soon_and_recovers(
    server: Server, postgres: EmbeddedPostgres, key: UUID
) -> None:
    assert server.get(f"/ping/{key}") == (200, b"OK")
    assert postgres.pid is not None
    main = psutil.Process(postgres.pid)

    with frozen([main.pid, *(child.pid for child in main.children())]):
        first, first_seconds = timed(server, f"/ping/{key}")
        second, second_seconds = timed(server, f"/ping/{key}")
        health, health_seconds = timed(server, "/healthz")

    assert (first, second, health) == (503, 503, 503)
    assert max(first_seconds, second_seconds, health_seconds) < SOON
    wait_until(lambda: server.get(f"/ping/{key}") == (200, b"OK"), SOON, "the database")


def committer(postgres: EmbeddedPostgres) -> int:
    """Return the process in PostgreSQL that commits the pings."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'earlywatch pings'"
    with connect(postgres.url) as connection:
        [row] = connection.execute(query).fetchall()
    return int(str(row[0]))


def commits_again(postgres: EmbeddedPostgres, former: int) -> bool:
    """Whether the pings have another process in PostgreSQL."""
    try:
        return committer(postgres) != former
    except (psycopg.OperationalError, ValueError):
        return False


def test_a_connection_that_died_silently_is_replaced(
    server: Server, postgres: EmbeddedPostgres, key: UUID
) -> None:
    assert server.get(f"/ping/{key}") == (200, b"OK")

    with frozen([committer(postgres)]):
        refused, seconds = timed(server, f"/ping/{key}")
        assert (refused, seconds < SOON) == (503, True)
        assert server.get(f"/ping/{key}") == (200, b"OK")


class Load:
    """Clients that ping one after the other and remember which pings were answered 200."""

    def __init__(self, server: Server, key: UUID) -> None:
        self.answered: set[str] = set()
        self._server, self._key = server, key
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.answered) > 10 * CLIENTS, 30, "pings")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        count = 0
        while not self._over.is_set():
            name = f"{client}-{count}"
            count += 1
            try:
                connection.request("GET", f"/ping/{self._key}/log?m={name}")
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.01)
            else:
                if response.status == 200:
                    self.answered.add(name)
        connection.close()


def lost(engine: Engine, key: UUID, load: Load) -> set[str]:
    """Return the pings that were answered 200 and are not in the database."""
    with Session(engine) as session:
        query = select(Ping.message).join(Monitor).where(Monitor.ping_key == key)
        return load.answered - {message or "" for message in session.scalars(query)}


def test_a_gentle_stop_under_load_loses_no_answered_ping(
    server: Server, engine: Engine, key: UUID
) -> None:
    with Load(server, key) as load:
        server.stop()

    assert lost(engine, key, load) == set()
    assert "could not" not in server.log.read_text()


def test_a_kill_under_load_loses_no_answered_ping(
    server: Server, engine: Engine, key: UUID
) -> None:
    with Load(server, key) as load:
        server.kill()

    assert lost(engine, key, load) == set()


def test_a_crash_of_the_database_under_load_loses_no_answered_ping(
    server: Server, postgres: EmbeddedPostgres, engine: Engine, key: UUID
) -> None:
    with Load(server, key) as load:
        killed = committer(postgres)
        os.kill(killed, signal.SIGKILL)  # all others are ended, and it recovers
        wait_until(lambda: commits_again(postgres, killed), 30, "the database")
        before = len(load.answered)
        wait_until(lambda: len(load.answered) > before + 10 * CLIENTS, 30, "pings again")

    assert lost(engine, key, load) == set()
