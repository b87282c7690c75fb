"""Rounds that are due once in a while: when each last ended, and who is at it.

Nobody assumes when a round ran last: whoever is awake asks, and of several one takes it.
"""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.models import Tick


def begin(
    session: Session, name: str, every: timedelta, lease: timedelta, now: datetime
) -> datetime | None:
    """Take the round if it is due at `now` (UTC) and nobody is at it; return when it began.

    It is ours until the lease ends, see `renew`. One that did not come to its end goes on.
    """
    ended = _at(session, name)
    if ended is not None and now < ended + every:
        return None
    left = now - lease if ended is None else max(now - lease, ended)
    row = insert(Tick).values(name=_holder(name), ticked_at=now)
    taken = row.on_conflict_do_update(
        index_elements=[Tick.name], set_={"ticked_at": now}, where=Tick.ticked_at <= left
    )
    if session.scalar(taken.returning(Tick.name)) is None:
        return None
    began = _at(session, _beginning(name))
    if began is None or began < now - every or (ended is not None and began <= ended):
        began = now
        Tick.mark(session, _beginning(name), now)
    return began


def renew(session: Session, name: str, held: datetime, now: datetime) -> bool:
    """Hold the round that was taken or renewed at `held` (UTC) from `now` on.

    Return False if somebody else does, because the lease had ended.
    """
    ours = (
        update(Tick)
        .where(Tick.name == _holder(name), Tick.ticked_at == held)
        .values(ticked_at=now)
        .returning(Tick.name)
    )
    return session.scalar(ours) is not None


def end(session: Session, name: str, now: datetime) -> None:
    """Remember that the round ended at `now` (UTC)."""
    Tick.mark(session, name, now)


def _at(session: Session, name: str) -> datetime | None:
    tick = session.get(Tick, name, populate_existing=True)
    return tick.ticked_at if tick else None


def _holder(name: str) -> str:
    return f"{name} begun"


def _beginning(name: str) -> str:
    return f"{name} since"
