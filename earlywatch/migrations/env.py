"""Alembic's entry: connects, waits for its turn, and runs each migration in a transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

import earlywatch.models  # noqa: F401 - registers the tables
from earlywatch.db import Base

CONNECT_TIMEOUT = 10  # seconds
LOCK_TIMEOUT = 5  # seconds
TURN = 4_710_220  # any number, the same for all: two starting processes migrate one after the other


def run() -> None:
    url = context.config.attributes["database_url"]
    patience = {"connect_timeout": CONNECT_TIMEOUT}
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=patience)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({TURN})"))
        # Pings queue behind a lock that waits; rather fail, and be run again, than hold them up.
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
