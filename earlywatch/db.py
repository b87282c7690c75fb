"""The database: declarative base, the site's session, and sessions for processes without a site."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from psycopg import Connection
from psycopg import Error as PsycopgError
from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable
from sqlalchemy import Engine, MetaData, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from earlywatch.errors import EarlywatchError

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# A query must not outlive the patience of the person or the job that waits for it, and a
# connection that died silently must be noticed within the minute.
CONNECT_ARGS = {
    "connect_timeout": 5,
    "options": (
        "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
    ),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
# Of few statements that run hundreds of times a second: see `statements`. Planning them would take
# longer than they do, so that is done once for a connection. The table may be small at that time,
# and ten thousand rows longer soon: what suits a long one is chosen, and not for long.
STATEMENTS = "statements"
PLANNED_ONCE = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off"
    " -c enable_sort=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
ENGINE_OPTIONS: dict[str, Any] = {
    "connect_args": CONNECT_ARGS,
    "pool_pre_ping": True,
    "pool_timeout": 5,
    # Parameters are ping keys, webhooks, bodies: no error message may show them.
    "hide_parameters": True,
    "pool_size": 10,
    "max_overflow": 10,
}

RESTED = 1.0  # seconds after which a connection may have died unseen


def _let_rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = monotonic()


def _wake(connection: Connection[Any], record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection whether it is alive, unless it was a moment ago: asking takes as long."""
    if monotonic() - record.info.get("rests_since", -RESTED) < RESTED:
        return
    try:
        connection.execute("SELECT")
    except PsycopgError as error:
        raise InvalidatePoolError from error  # the pool makes new ones, and asks them


STATEMENT_OPTIONS: dict[str, Any] = {
    **ENGINE_OPTIONS,
    "isolation_level": "AUTOCOMMIT",
    "pool_pre_ping": False,
    "pool_events": [(_let_rest, "checkin"), (_wake, "checkout")],
    "pool_use_lifo": True,
    "pool_recycle": 15,  # seconds
    "connect_args": {
        **CONNECT_ARGS,
        "options": f"{CONNECT_ARGS['options']} {PLANNED_ONCE}",
        # After the other connections were waited for: both within the lease of a delivery.
        "tcp_user_timeout": 8_000,  # milliseconds
    },
}


class DatabaseError(EarlywatchError):
    """The database cannot be reached, or is not ready for us."""


class Base(DeclarativeBase):
    """Base of all tables; constraints get predictable names, so that migrations can drop them."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


@contextmanager
def transaction() -> Iterator[Session]:
    """Give the site's session; commit at the end, roll back on any error.

    Only entry points (web, tasks, cli) may open one.
    """
    session: Session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def statements() -> Iterator[Session]:
    """Give a session each of whose statements is a transaction of its own.

    For claiming and recording deliveries alone: what reads rows in any other way than by an index
    with their order would be slow in it. Only entry points may open one.
    """
    with Session(db.engines[STATEMENTS], expire_on_commit=False) as session:
        yield session
        session.commit()  # sends what was only added


def release() -> None:
    """End what was read so far and give its connection back, before something that takes long.

    The rows stay usable. Only entry points may call it, with nothing left to write.
    """
    session: Session = db.session()
    session.commit()


@contextmanager
def in_words(url: str) -> Iterator[None]:
    """Let a database that cannot be used become a DatabaseError: one line, without password."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseError(_reason(url, error)) from error
    except ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable | UndefinedColumn):
            raise DatabaseError(
                f"The tables {_place(url)} are not of this version; run: earlywatch db upgrade."
            ) from error
        if isinstance(error.orig, InsufficientPrivilege):
            raise DatabaseError(_reason(url, error)) from error
        raise


def _reason(url: str, error: DBAPIError) -> str:
    first_line = str(error.orig).partition("\n")[0]
    said = first_line.removeprefix("connection failed: ").removeprefix("connection is bad: ")
    return f"The database {_place(url)} cannot be used: {said}."


def _place(url: str) -> str:
    parsed = make_url(url)
    host = parsed.host or ", ".join(parsed.normalized_query.get("host", ())) or "this machine"
    return f"on {host}"


def make_engine(url: str, **options: Any) -> Engine:
    """Return an engine for processes that run without the site, such as ingest."""
    return create_engine(url, **{**ENGINE_OPTIONS, **options})
