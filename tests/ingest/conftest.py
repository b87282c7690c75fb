"""A server that takes pings, on a database of its own, since what it commits stays."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from tests.serving import Server, database_with_tables


@pytest.fixture(scope="session")
def ping_database(worker: str) -> Iterator[str]:
    """The address of a database with all tables."""
    with database_with_tables(f"{worker}_pings") as url:
        yield url


@pytest.fixture(scope="session")
def engine(ping_database: str) -> Iterator[Engine]:
    """A way to look into that database."""
    engine = create_engine(ping_database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def ingest(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`earlywatch ingest`, two workers of it."""
    log = tmp_path_factory.mktemp("ingest") / "log.txt"
    with Server("ingest_app", ping_database, log) as server:
        yield server
