"""Call-backs of providers: recorded once each, and handled by a worker until that succeeds.

A row that is not handled is the queue, and claiming it is postponing it. The end of its lease is
also the proof whose it is: whoever claims or replays the event since makes an older claim void.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.retry import MOST_ATTEMPTS, wait_after
from earlywatch.errors import NotFound
from earlywatch.models import ReceivedEvent, RefusedEvent
from earlywatch.services.outbox import commit_lazily

# Longer than a look at the provider takes, its time-outs included; two looks would do no harm.
LEASE = timedelta(minutes=3)
KEPT = timedelta(days=180)  # once handled; providers repeat an event for days, not months


@dataclass(frozen=True)
class Claimed:
    """An event that is ours until `lease_ends_at`; `attempt` counts from 1."""

    id: int
    provider: str
    event_id: str
    kind: str
    object_id: str
    customer_id: str | None
    attempt: int
    lease_ends_at: datetime


def record(
    session: Session,
    provider: str,
    event_id: str,
    kind: str,
    object_id: str,
    customer_id: str | None,
    now: datetime,
) -> bool:
    """Remember an event that came at `now` (UTC); return False if it came before."""
    row = insert(ReceivedEvent).values(
        provider=provider,
        event_id=event_id,
        kind=kind,
        object_id=object_id,
        customer_id=customer_id,
        received_at=now,
        next_attempt_at=now,
    )
    return session.scalar(row.on_conflict_do_nothing().returning(ReceivedEvent.id)) is not None


def refuse(session: Session, provider: str, reason: str, now: datetime) -> None:
    """Count a call-back that was turned away. `reason` is one of a few, never the caller's text."""
    commit_lazily(session)  # anybody may cause these
    row = insert(RefusedEvent).values(
        provider=provider, reason=reason, day=now.date().isoformat(), count=1, last_at=now
    )
    key = [RefusedEvent.provider, RefusedEvent.reason, RefusedEvent.day]
    counted = {"count": RefusedEvent.count + 1, "last_at": now}
    session.execute(row.on_conflict_do_update(index_elements=key, set_=counted))


def claim(session: Session, now: datetime) -> Claimed | None:
    """Take the event that has been due longest at `now` (UTC); None if there is none.

    Nobody else takes it before the lease ends, and a worker that is killed leaves nothing to
    clean.
    """
    due = (
        select(ReceivedEvent.id)
        .where(ReceivedEvent.handled_at.is_(None), ReceivedEvent.next_attempt_at <= now)
        .order_by(ReceivedEvent.next_attempt_at, ReceivedEvent.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claiming = (
        update(ReceivedEvent)
        .where(ReceivedEvent.id == due.scalar_subquery())
        .values(attempts=ReceivedEvent.attempts + 1, next_attempt_at=now + LEASE)
        .returning(ReceivedEvent)
        .execution_options(populate_existing=True)
    )
    event = session.scalar(claiming)
    if event is None:
        return None
    return Claimed(
        id=event.id,
        provider=event.provider,
        event_id=event.event_id,
        kind=event.kind,
        object_id=event.object_id,
        customer_id=event.customer_id,
        attempt=event.attempts,
        lease_ends_at=event.next_attempt_at,
    )


def alike(session: Session, claimed: Claimed, kinds: Collection[str]) -> list[int]:
    """Return the ids of further events of these kinds that wait for a look at the same customer.

    Asked before the look begins: it covers what came until then, and nothing that comes later.
    """
    if claimed.customer_id is None or claimed.kind not in kinds:
        return []
    query = select(ReceivedEvent.id).where(
        ReceivedEvent.handled_at.is_(None),
        ReceivedEvent.provider == claimed.provider,
        ReceivedEvent.customer_id == claimed.customer_id,
        ReceivedEvent.kind.in_(kinds),
        ReceivedEvent.id != claimed.id,
    )
    return list(session.scalars(query))


def settle(
    session: Session, claimed: Claimed, outcome: str, now: datetime, also: Collection[int] = ()
) -> bool:
    """The event was handled at `now` (UTC); `outcome` is a sentence for operators.

    `also` are the ids of those `alike`. Returns False if the claim is void.
    """
    if not _write(session, claimed, {"handled_at": now, "outcome": outcome}):
        return False
    if also:
        # Rows that others hold are theirs to write, and waiting for each other would be a knot.
        free = (
            select(ReceivedEvent.id)
            .where(ReceivedEvent.id.in_(also), ReceivedEvent.handled_at.is_(None))
            .with_for_update(skip_locked=True)
        )
        together = {"handled_at": now, "outcome": f"Handled together with {claimed.event_id}."}
        session.execute(
            update(ReceivedEvent)
            .where(ReceivedEvent.id.in_(free.scalar_subquery()))
            .values(together)
        )
    return True


def retry(session: Session, claimed: Claimed, outcome: str, now: datetime) -> bool:
    """It could not be handled, `outcome` says why: again after a growing wait, in the end hourly.

    An event is never given up: it may be the only word of a dispute. Returns False if the claim
    is void.
    """
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    wait = wait_after(min(claimed.attempt, MOST_ATTEMPTS - 1), jitter)
    assert wait is not None
    return _write(session, claimed, {"next_attempt_at": now + wait, "outcome": outcome})


def replay(session: Session, event: int | str, now: datetime) -> ReceivedEvent:
    """Let an event be handled once more, as soon as possible. Raises NotFound.

    `event` is our number or the provider's id.
    """
    known_as = ReceivedEvent.id if isinstance(event, int) else ReceivedEvent.event_id
    query = select(ReceivedEvent).where(known_as == event).order_by(ReceivedEvent.id.desc())
    fresh = query.limit(1).with_for_update().execution_options(populate_existing=True)
    found = session.scalar(fresh)
    if found is None:
        raise NotFound("There is no such event.")
    found.handled_at, found.next_attempt_at, found.attempts = None, now, 0
    session.flush()
    return found


def forget_old(session: Session, now: datetime) -> None:
    """Delete what was handled long before `now` (UTC)."""
    long_ago = now - KEPT
    session.execute(delete(ReceivedEvent).where(ReceivedEvent.handled_at < long_ago))
    day = long_ago.date().isoformat()
    session.execute(delete(RefusedEvent).where(RefusedEvent.day < day))


def _write(session: Session, claimed: Claimed, values: dict[str, object]) -> bool:
    ours = (
        update(ReceivedEvent)
        .where(
            ReceivedEvent.id == claimed.id,
            ReceivedEvent.handled_at.is_(None),
            ReceivedEvent.next_attempt_at == claimed.lease_ends_at,
        )
        .values(values)
        .returning(ReceivedEvent.id)
    )
    return session.scalar(ours) is not None
