"""Alembic's entry: connects, waits for its turn, and runs each migration in a transaction."""

import time
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

import earlywatch.models  # noqa: F401 - registers the tables
from earlywatch.db import Base

CONNECT_TIMEOUT = 10  # seconds
LOCK_TIMEOUT = 5  # seconds
AGAIN = 0.2  # seconds between two looks at whose turn it is
TURN = 4_710_220  # any number, the same for all: two starting processes migrate one after the other
# Columns that the former version still needs, and that go with the next release.
RETIRED = {("monitor", "started_at"), ("monitor", "run_id")}


def is_ours(_found: Any, name: str | None, kind: str, in_database: bool, twin: Any) -> bool:
    """Whether the comparison with the models looks at it. Called by Alembic."""
    if kind != "column" or not in_database or twin is not None:
        return True
    return (_found.table.name, name) not in RETIRED


def wait_for_turn(connection: Connection) -> None:
    """Take turns with other processes that migrate.

    It asks again and again: one that waits in the database holds up indexes that are made
    concurrently, for which the other waits.
    """
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({TURN})")):
        connection.rollback()
        time.sleep(AGAIN)


def run() -> None:
    url = context.config.attributes["database_url"]
    patience = {"connect_timeout": CONNECT_TIMEOUT}
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=patience)
    with engine.connect() as connection:
        wait_for_turn(connection)
        # Pings queue behind a lock that waits; rather fail, and be run again, than hold them up.
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            include_object=is_ours,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
