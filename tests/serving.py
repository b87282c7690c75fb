"""A real gunicorn with our ASGI apps, and what stands around it."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from earlywatch.config import load_settings
from earlywatch.db import Base
from earlywatch.models import Monitor
from earlywatch.server import gunicorn_command
from tests import servers
from tests.builders import make_monitor, make_workspace
from tests.waiting import free_port, wait_until

ROOT = Path(__file__).parent.parent
START = 40.0  # seconds, on a machine busy with other tests
SECRET_KEY = "for the tests alone"
# All tests come from one address, and some flood one key.
UNGUARDED = {"PING_RATE": "1000000", "ADDRESS_RATE": "1000000"}
UNGUARDED |= {"PING_BURST": "1000000", "ADDRESS_BURST": "1000000"}
KNOWN = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


def add_monitors(engine: Engine, count: int = 1, **columns: object) -> list[UUID]:
    """Commit new monitors of one workspace; return their ping keys."""
    with Session(engine) as session:
        workspace = make_workspace(session)
        keys = [make_monitor(session, workspace, **columns).ping_key for _ in range(count)]  # type: ignore[arg-type]
        session.commit()
        return keys


def monitor_of(engine: Engine, key: UUID) -> Monitor:
    """Return the monitor with this ping key as it is now."""
    with Session(engine) as session:
        return session.query(Monitor).filter_by(ping_key=key).one()


@contextmanager
def database_with_tables(name: str) -> Iterator[str]:
    """Give the URL of a database of its own that has all tables."""
    with servers.database(name) as url:
        engine = create_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        yield url


class Server:
    """gunicorn as `earlywatch web` or `earlywatch ingest` would start it."""

    def __init__(
        self,
        target: str,
        database_url: str,
        log: Path,
        workers: int = 2,
        options: Sequence[str] = (),
        files: tuple[int, int] | None = None,
        **settings: str,
    ) -> None:
        """`files` are the limits of open files to start with: what counts, and what may be set."""
        self.port = free_port()
        self.log = log
        self._command = gunicorn_command(load_settings({"PORT": str(self.port)}), target)
        if ":" in target:  # an app that is not ours
            self._command[-1] = target
        self._command[-1:-1] = ["--workers", str(workers), *options]
        if files:
            limit = f'ulimit -Sn {files[0]} && ulimit -Hn {files[1]} && exec "$@"'
            self._command[:0] = ["sh", "-c", limit, "sh"]
        self._environment = {
            **{name: os.environ[name] for name in KNOWN if name in os.environ},
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "SECRET_KEY": SECRET_KEY,
            "EARLYWATCH_DATA_DIR": str(log.parent),
            **UNGUARDED,
            "CANARY": "false",  # tests count rows
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, START, f"the server; its log is {self.log}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.kill()

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def kill(self) -> None:
        """Kill it with all its workers, without warning."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def get(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Make one request; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def speak(self, request: bytes) -> bytes:
        """Send bytes on a new connection; return all that comes until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True


def plain(database_url: str) -> str:
    """The address as psycopg takes it."""
    return database_url.replace("postgresql+psycopg:", "postgresql:", 1)


def connect(database_url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of one's own, in autocommit mode."""
    return psycopg.connect(plain(database_url), autocommit=True)
