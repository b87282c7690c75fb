"""A server that takes pings, on a database of its own, since what it commits stays."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, text

from tests.ingest.mailing import SECRET_KEY, MailServer
from tests.ingest.snippets import script
from tests.serving import UNGUARDED, Server, add_monitors, database_with_tables, monitor_of


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


@pytest.fixture
def key(engine: Engine) -> UUID:
    """The ping key of a new monitor."""
    return add_monitors(engine)[0]


@pytest.fixture(scope="session")
def smtpd(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """`earlywatch smtpd`."""
    log = tmp_path_factory.mktemp("smtpd") / "log.txt"
    with MailServer(ping_database, log, SECRET_KEY=SECRET_KEY, **UNGUARDED) as server:
        yield server


@pytest.fixture
def poisoned(engine: Engine) -> Iterator[UUID]:
    """The ping key of a monitor whose pings the database refuses."""
    [key] = add_monitors(engine)
    refuse = f"ADD CONSTRAINT poison CHECK (monitor_id <> {monitor_of(engine, key).id}) NOT VALID"
    for change in (refuse, "DROP CONSTRAINT poison"):
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE ping {change}"))
        if change == refuse:
            yield key


@pytest.fixture
def url(ingest: Server, key: UUID) -> str:
    """The ping URL of a new monitor."""
    return f"http://127.0.0.1:{ingest.port}/ping/{key}"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job whose exit status is in `$STATUS`."""
    return script(tmp_path / "backup.sh", 'echo "12 files"\necho "disk full" >&2\nexit $STATUS')
