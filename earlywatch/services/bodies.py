"""Large bodies: first in the database, with their ping, later in an object store if there is one.

A key stands in `discarded_body` from before its upload until the ping names it, and again once
the ping is gone: whatever dies in between, the object is deleted some time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from earlywatch.clients.object_store import NoSuchObject, ObjectStore, StoreError
from earlywatch.models import DiscardedBody, Monitor, Ping
from earlywatch.models.ping import KEPT_IN_ROW

BATCH = 20  # bodies in memory at once
CLEARED = 100  # objects that are deleted between two transactions
MOST_FAILURES = 3  # of a store in a row, until it is taken to be away
PATIENCE = timedelta(hours=1)  # longer than any upload that may still be under way


@dataclass(frozen=True)
class Large:
    """A body on its way to the store. `noted_at` (UTC) is when its key was noted."""

    ping_id: int
    key: str
    body: bytes = field(repr=False)
    noted_at: datetime


class Shelf:
    """Where the bodies of many pings are read, without waiting again and again for a store."""

    def __init__(self, store: ObjectStore | None) -> None:
        self._store = store
        self._failures = 0  # one after the other

    def fetch(self, key: str | None, body: bytes | None) -> bytes | None:
        """Return the whole body, given the columns of a ping; None if it has none, or is away."""
        if key is None:
            return body
        if self._failures >= MOST_FAILURES:
            return None
        try:
            whole = _fetch(key, self._store)
        except NoSuchObject:
            whole = None
        except StoreError:
            self._failures += 1
            return None
        self._failures = 0
        return whole


def read_body(ping: Ping, store: ObjectStore | None) -> bytes:
    """Return the whole body, from wherever it is. Raises StoreError with a sentence.

    Then `ping.body` still holds its first bytes. May take as long as the store lets it: call it
    outside of transactions.
    """
    return (ping.body or b"") if ping.body_key is None else _fetch(ping.body_key, store)


def _fetch(key: str, store: ObjectStore | None) -> bytes:
    if store is None:
        raise StoreError("It was moved to an object store, and OBJECT_STORE_URL is not set.")
    return store.get(key)


def any_large(session: Session) -> bool:
    """Whether bodies wait to be moved."""
    # PostgreSQL cannot guess how few are large: for EXISTS it would read the whole table.
    first = select(Ping.id).where(*_large()).order_by(Ping.id).limit(1)
    return session.scalar(first) is not None


def take_large(session: Session, after: int, now: datetime) -> list[Large]:
    """Return the next bodies to move, of pings after that id, under keys that are noted."""
    query = (
        select(Ping.id, Ping.monitor_id, Monitor.workspace_id, Ping.body)
        .join(Monitor, Monitor.id == Ping.monitor_id)
        .where(*_large(), Ping.id > after)
        .order_by(Ping.id)
        .limit(BATCH)
    )
    taken = [
        Large(ping_id, f"{workspace_id}/{monitor_id}/{uuid4()}", body or b"", now)
        for ping_id, monitor_id, workspace_id, body in session.execute(query)
    ]
    if taken:
        noted = [{"key": large.key, "discarded_at": now} for large in taken]
        session.execute(insert(DiscardedBody), noted)
    return taken


def record_moved(session: Session, large: Large) -> bool:
    """Let the ping name the object that was stored. Return False if it must not any more.

    Its key was taken away if we took so long that the object may be deleted; the ping may be
    gone, or somebody else has moved the body.
    """
    ours = delete(DiscardedBody).where(
        DiscardedBody.key == large.key, DiscardedBody.discarded_at == large.noted_at
    )
    moved = (
        update(Ping)
        .where(Ping.id == large.ping_id, Ping.body_key.is_(None))
        .values(
            body=func.substring(Ping.body, 1, KEPT_IN_ROW),
            body_key=large.key,
            body_bytes=len(large.body),
        )
        .returning(Ping.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(ours.returning(DiscardedBody.key)) is None:
        return False
    if session.scalar(moved) is None:
        discard(session, [large.key])
        return False
    return True


def delete_pings(session: Session, *where: ColumnElement[bool]) -> int:
    """Delete pings, and note which objects nobody names any more; return how many.

    In one statement: a body that is moved at this moment is either still ours or noted.
    """
    gone = delete(Ping).where(*where).returning(Ping.body_key).cte("gone")
    noted = (
        insert_or_not(DiscardedBody)
        .from_select(["key"], select(gone.c.body_key).where(gone.c.body_key.is_not(None)))
        .on_conflict_do_nothing()
        .cte("noted")
    )
    query = select(func.count()).select_from(gone).add_cte(noted)
    return session.scalar(query) or 0


def discard(session: Session, keys: Sequence[str]) -> None:
    """Note objects that nobody names."""
    rows = [{"key": key} for key in keys]
    session.execute(insert_or_not(DiscardedBody).values(rows).on_conflict_do_nothing())


def claim_discarded(session: Session, now: datetime) -> Sequence[str]:
    """Return some keys that may be deleted; nobody else gets them, or uses them, for an hour."""
    due = (
        select(DiscardedBody.key)
        .where(DiscardedBody.discarded_at <= now - PATIENCE)
        .limit(CLEARED)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = update(DiscardedBody).where(DiscardedBody.key.in_(due)).values(discarded_at=now)
    return session.scalars(claimed.returning(DiscardedBody.key)).all()


def forget(session: Session, keys: Sequence[str]) -> None:
    """Strike off objects that were deleted."""
    session.execute(delete(DiscardedBody).where(DiscardedBody.key.in_(keys)))


def _large() -> tuple[ColumnElement[bool], ...]:
    # As the index `ix_ping_large` has it, without a parameter, so that every plan may use it.
    size = func.octet_length(Ping.body) > text(str(KEPT_IN_ROW))
    return size, Ping.body_key.is_(None)
