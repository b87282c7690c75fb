"""The transactions of the ping path: many pings each, and the bad ones found and left out."""

import contextlib
import logging
from collections.abc import Iterator, Sequence

import psycopg
from psycopg.errors import LockNotAvailable
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.services import ping_sources
from earlywatch.services.incoming import IncomingPing, NotCreated, Outcome
from earlywatch.services.pings import record

logger = logging.getLogger(__name__)

# These say nothing about the pings, only that the database cannot be used right now.
DATABASE_GONE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


Result = Outcome | NotCreated | None  # None: it could not be stored


class Unavailable(Exception):
    """The pings were not stored; the jobs should try again in a few seconds."""


class _Undone(Exception):
    """The transaction ended before its commit, through no fault of the pings."""

    def __init__(self, error: object) -> None:
        super().__init__()
        self.fields = {"error": str(error).partition("\n")[0]}


class _Lost(_Undone):
    """The database gave up."""


class _Locked(_Undone):
    """Somebody holds a whole table."""


def store(engine: Engine, pings: Sequence[IncomingPing]) -> list[Result]:
    """Commit pings and return their outcomes, None for one that could not be stored.

    Raises Unavailable when the database cannot be used. A ping that makes the
    transaction fail is found by halving, so that it fails alone.
    """
    try:
        return _try_twice(engine, pings)
    except Unavailable:
        raise
    except _Locked as locked:
        # Halves would wait for the same lock, each of them.
        logger.warning("tables are locked, pings wait", extra=locked.fields)
        return [Outcome.LOCKED] * len(pings)
    except Exception:  # whatever is wrong with one ping must not touch the others
        if len(pings) == 1:
            logger.exception("ping could not be stored")
            return [None]
    return _store_halves(engine, pings)


def _store_halves(engine: Engine, pings: Sequence[IncomingPing]) -> list[Result]:
    middle = len(pings) // 2
    first, second = pings[:middle], pings[middle:]
    outcomes = store(engine, first)
    # A lock may be gone by now, but no ping may overtake an earlier one of its monitor.
    waiting = {
        ping.name: outcome
        for ping, outcome in zip(first, outcomes, strict=True)
        if outcome in (Outcome.LOCKED, Outcome.POSTPONED)
    }
    free = [ping for ping in second if ping.name not in waiting]
    rest = iter(store(engine, free) if free else [])
    return outcomes + [
        waiting[ping.name] if ping.name in waiting else next(rest) for ping in second
    ]


def _try_twice(engine: Engine, pings: Sequence[IncomingPing]) -> list[Result]:
    try:
        return _try(engine, pings)
    except _Lost as lost:
        # The server was restarted since the last batch, or two transactions met.
        logger.warning("pings could not be stored, trying once more", extra=lost.fields)
    try:
        return _try(engine, pings)
    except _Lost as lost:
        logger.error("pings could not be stored", extra=lost.fields)
        raise Unavailable from lost


def _try(engine: Engine, pings: Sequence[IncomingPing]) -> list[Result]:
    with Session(engine) as session:
        with _watched(session):
            outcomes = record(session, pings, utcnow())
        try:
            session.commit()
        except Exception as error:
            # Stored or not, nobody knows: a second try could store them twice.
            session.invalidate()
            logger.exception("commit of pings failed")
            raise Unavailable from error
        ping_sources.remember(session)
        return [*outcomes]


@contextlib.contextmanager
def _watched(session: Session) -> Iterator[None]:
    """Turn errors that are the database's own into _Lost or _Locked, and drop its connection."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, LockNotAvailable):
            raise _Locked(cause) from error
        if not isinstance(cause, DATABASE_GONE):
            raise
        session.invalidate()
        raise _Lost(cause) from error
