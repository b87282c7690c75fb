"""The whole site under gunicorn, on a database of its own, since what it commits stays."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from tests.serving import Server, database_with_tables


@pytest.fixture(scope="session")
def site_database(worker: str) -> Iterator[str]:
    """The address of a database with all tables."""
    with database_with_tables(f"{worker}_site") as url:
        yield url


@pytest.fixture(scope="session")
def engine(site_database: str) -> Iterator[Engine]:
    """A way to look into that database."""
    engine = create_engine(site_database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def site(site_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`earlywatch web` with one worker."""
    log = tmp_path_factory.mktemp("site") / "log.txt"
    with Server("app", site_database, log, workers=1) as server:
        yield server
