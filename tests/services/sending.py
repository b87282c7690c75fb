"""What the worker does, step by step and without threads."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.services import alert_rows, deliveries, turns
from earlywatch.services.composing import Told, tell
from earlywatch.services.deliveries import Outgoing
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome


def take(
    session: Session, links: Links, now: datetime, busy: Collection[int] = ()
) -> Outgoing | None:
    """Claim what is due until one of it is to be sent."""
    while claim := turns.claim(session, now, busy):
        if outgoing := deliveries.prepare(session, claim, links, now):
            return outgoing
    return None


def compose(
    session: Session, delivery_id: int, links: Links, now: datetime, domain: str | None = None
) -> Told:
    """What a delivery says, without claiming it."""
    session.flush()
    query = alert_rows.query(alert_rows.DELIVERY).where(alert_rows.DELIVERY.c.id == delivery_id)
    return tell(session, alert_rows.rows(session.execute(query).one()), links, now, domain)


def claimed(session: Session, links: Links, now: datetime) -> Outgoing:
    """Claim the delivery that is due."""
    outgoing = take(session, links, now)
    assert outgoing is not None
    return outgoing


def attempt_all(session: Session, links: Links, doors: Doors, now: datetime) -> list[Outcome]:
    """Claim, attempt and record until nothing is due."""
    outcomes = []
    while outgoing := take(session, links, now):
        outcomes.append(deliveries.attempt(outgoing, doors))
        deliveries.record(session, outgoing, outcomes[-1], now)
    return outcomes
