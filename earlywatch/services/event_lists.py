"""What call-backs came in and what became of them, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from earlywatch.models import ReceivedEvent, RefusedEvent

PER_PAGE = 50
REFUSALS_SHOWN = timedelta(days=30)


@dataclass(frozen=True)
class Wanted:
    """What narrows the list; `words` are looked for in the kind and in all ids."""

    provider: str = ""
    unhandled: bool = False
    words: str = ""


@dataclass(frozen=True)
class EventPage:
    """One page, newest first. `older` and `newer` are the ids to page on from, if any."""

    events: list[ReceivedEvent]
    older: int | None
    newer: int | None


def list_events(
    session: Session, wanted: Wanted, before: int | None = None, after: int | None = None
) -> EventPage:
    """Return the newest events, or those next older than id `before` or newer than `after`."""
    query = _narrowed(wanted).limit(PER_PAGE + 1)
    if after is not None:
        query = query.where(ReceivedEvent.id > after).order_by(ReceivedEvent.id)
    else:
        query = query.order_by(ReceivedEvent.id.desc())
    if before is not None:
        query = query.where(ReceivedEvent.id < before)
    found = list(session.scalars(query))
    events, more = found[:PER_PAGE], len(found) > PER_PAGE
    if after is not None:
        events.reverse()
    older_exist = bool(events) and (more or after is not None)
    newer_exist = bool(events) and (more if after is not None else before is not None)
    return EventPage(
        events,
        older=events[-1].id if older_exist else None,
        newer=events[0].id if newer_exist else None,
    )


def providers(session: Session) -> Sequence[str]:
    """Return whose events came in so far."""
    query = select(ReceivedEvent.provider).distinct().order_by(ReceivedEvent.provider)
    return session.scalars(query).all()


def refusals(session: Session, now: datetime) -> Sequence[RefusedEvent]:
    """Return what was turned away within the last 30 days, newest day first."""
    first = (now - REFUSALS_SHOWN).date().isoformat()
    query = select(RefusedEvent).where(RefusedEvent.day >= first)
    ordered = query.order_by(RefusedEvent.day.desc(), RefusedEvent.provider, RefusedEvent.reason)
    return session.scalars(ordered).all()


def _narrowed(wanted: Wanted) -> Select[ReceivedEvent]:
    query = select(ReceivedEvent)
    if wanted.provider:
        query = query.where(ReceivedEvent.provider == wanted.provider)
    if wanted.unhandled:
        query = query.where(ReceivedEvent.handled_at.is_(None))
    if wanted.words:
        places = (
            ReceivedEvent.kind,
            ReceivedEvent.event_id,
            ReceivedEvent.object_id,
            ReceivedEvent.customer_id,
        )
        query = query.where(
            or_(*(place.icontains(wanted.words, autoescape=True) for place in places))
        )
    return query
