"""Call-backs for tests: rows of them, and bodies that are signed as Stripe signs."""

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import stripe
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import ReceivedEvent
from earlywatch.services import events
from tests.builders import NOW

SECRET = "whsec_earlywatch"

_numbers = count(1)


def make_event(
    session: Session,
    kind: str = "invoice.paid",
    customer_id: str | None = "cus_1",
    *,
    provider: str = "stripe",
    object_id: str = "in_1",
    now: datetime = NOW,
) -> ReceivedEvent:
    """An event that came in at `now` and waits."""
    event_id = f"evt_{next(_numbers)}"
    assert events.record(session, provider, event_id, kind, object_id, customer_id, now)
    return session.scalars(select(ReceivedEvent).where(ReceivedEvent.event_id == event_id)).one()


def body(event_id: str = "evt_1", kind: str = "invoice.paid", **thing: Any) -> bytes:
    """The body of an event about an invoice, or about the `thing` given."""
    about = {"id": "in_1", "object": "invoice", "customer": "cus_1", **thing}
    event = {"id": event_id, "object": "event", "type": kind, "data": {"object": about}}
    return json.dumps(event).encode()


def signature(
    payload: bytes, at: datetime, secret: str = SECRET, shift: timedelta = timedelta(0)
) -> str:
    """The header that proves `payload`, signed `shift` after `at`."""
    stamp = int((at + shift).timestamp())
    made = stripe.WebhookSignature.generate_signature_header(payload.decode(), secret, stamp)
    return str(made)


def receive(
    session: Session, kind: str, customer_id: str | None, about: str = "in_1"
) -> ReceivedEvent:
    """Commit an event that came in a moment ago."""
    made = make_event(session, kind, customer_id, object_id=about, now=utcnow())
    session.commit()
    return made


def stored(session: Session, event: ReceivedEvent) -> ReceivedEvent:
    """Return the event as the database has it."""
    return session.get_one(ReceivedEvent, event.id, populate_existing=True)


def outcomes(session: Session) -> list[str | None]:
    """Return what became of all events, oldest first."""
    query = select(ReceivedEvent.outcome).order_by(ReceivedEvent.id)
    return list(session.scalars(query))
