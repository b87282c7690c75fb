"""Alembic's entry: connects, waits for its turn, and runs the migrations in one transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

import earlywatch.models  # noqa: F401 - registers the tables
from earlywatch.db import Base

CONNECT_TIMEOUT = 10  # seconds
TURN = 4_710_220  # any number, the same for all: two starting processes migrate one after the other


def run() -> None:
    url = context.config.attributes["database_url"]
    patience = {"connect_timeout": CONNECT_TIMEOUT}
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=patience)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({TURN})"))
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_server_default=True
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
