"""What the worker does, step by step and without threads."""

from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.services import deliveries
from earlywatch.services.deliveries import Outgoing
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome


def claimed(session: Session, links: Links, now: datetime) -> Outgoing:
    """Claim the delivery that is due."""
    outgoing = deliveries.claim(session, links, now)
    assert outgoing is not None
    return outgoing


def attempt_all(session: Session, links: Links, doors: Doors, now: datetime) -> list[Outcome]:
    """Claim, attempt and record until nothing is due."""
    outcomes = []
    while outgoing := deliveries.claim(session, links, now):
        outcomes.append(deliveries.attempt(outgoing, doors))
        deliveries.record(session, outgoing, outcomes[-1], now)
    return outcomes
