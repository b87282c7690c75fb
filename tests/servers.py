"""Real servers for tests: given by address, else private ones."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import NullPool, create_engine, make_url, text

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey


@contextmanager
def database(worker: str) -> Iterator[str]:
    """The address of an empty database for this test worker alone."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        with _database_on(given, f"earlywatch_test_{worker}_{os.getpid()}") as url:
            yield url
    else:
        with (
            tempfile.TemporaryDirectory(prefix="earlywatch-test-") as directory,
            EmbeddedPostgres(Path(directory), durable=False) as postgres,
        ):
            yield postgres.url


@contextmanager
def valkey(worker: str) -> Iterator[str]:
    """The address, as Celery writes it, of a Valkey or Redis that this test worker may fill."""
    if given := os.environ.get("TEST_REDIS_URL"):
        number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
        yield urlsplit(given)._replace(path=f"/{number}").geturl()
    else:
        with (
            tempfile.TemporaryDirectory(prefix="earlywatch-test-") as directory,
            EmbeddedValkey(Path(directory), durable=False) as server,
        ):
            yield server.url


@contextmanager
def _database_on(server_url: str, name: str) -> Iterator[str]:
    """Create a database on a given server, and drop it in the end."""
    url = make_url(server_url).set(drivername="postgresql+psycopg")
    server = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
