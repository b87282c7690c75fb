"""Telling those who run this installation that it could not hear."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from earlywatch.domain import outage_letters
from earlywatch.domain.letter import Letter
from earlywatch.models import Monitor, Outage, Tick
from earlywatch.services import billing_mails, canary, hearing

logger = logging.getLogger(__name__)

WORTH_TELLING = timedelta(minutes=1)
# From when the canary was made: so long it may take until the door is open.
NEVER_HEARD = timedelta(minutes=10)
KINDS = ("outage_began", "outage_ended", "canary_never_heard")


def tell(session: Session, operators: Sequence[str], now: datetime) -> None:
    """Queue what the operators must know at `now` (UTC), each thing once."""
    workspace_id = canary.find_workspace(session)
    if workspace_id is None:
        return
    for outage in _untold(session, now):
        if outage.ended_at is None:
            letter = outage_letters.began(outage.cause, outage.began_at, now)
            _tell(session, operators, workspace_id, KINDS[0], str(outage.id), letter, now)
            continue
        about = outage.cause, outage.began_at, outage.ended_at
        letter = outage_letters.ended(*about, now)
        _tell(session, operators, workspace_id, KINDS[1], str(outage.id), letter, now)
        outage.told_at = now
    session.flush()


def tell_never_heard(
    session: Session, operators: Sequence[str], ping_base_url: str, now: datetime
) -> None:
    """Queue a mail if the canary has been sent for a while and was never heard."""
    workspace_id = canary.find_workspace(session)
    if workspace_id is None or never_heard_since(session, now) is None:
        return
    letter = outage_letters.never_heard(ping_base_url)
    _tell(session, operators, workspace_id, KINDS[2], "first", letter, now)


def never_heard_since(session: Session, now: datetime) -> datetime | None:
    """Return since when (UTC) the canary has been sent without ever being heard, else None."""
    if hearing.find(session).heard_at is not None:
        return None
    query = select(Monitor.created_at).join(Tick, Tick.place == Monitor.id)
    made: datetime | None = session.scalar(query.where(Tick.name == canary.TURN))
    return made if made is not None and now - made >= NEVER_HEARD else None


def _untold(session: Session, now: datetime) -> Sequence[Outage]:
    over = func.coalesce(Outage.ended_at, now)
    query = select(Outage).where(
        Outage.told_at.is_(None),
        over - Outage.began_at >= WORTH_TELLING,
        or_(Outage.ended_at.is_(None), Outage.ended_at > now - timedelta(days=7)),
    )
    return session.scalars(query.order_by(Outage.id)).all()


def _tell(
    session: Session,
    operators: Sequence[str],
    workspace_id: int,
    kind: str,
    about: str,
    letter: Letter,
    now: datetime,
) -> None:
    told = billing_mails.tell_operators(session, operators, workspace_id, kind, about, letter, now)
    if told:
        logger.error("operators are told", extra={"kind": kind, "about": about, "mails": told})
