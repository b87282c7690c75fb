"""Handling what providers told us, from the rows that they left: a few events at a time."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from celery import shared_task

from earlywatch.clients.stripe_events import LOOKS
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.errands import stripe_events
from earlywatch.errors import EarlywatchError
from earlywatch.services import events
from earlywatch.services.events import Claimed
from earlywatch.tasks.alone import Alone

logger = logging.getLogger(__name__)

BEAT = {"handle_events": timedelta(seconds=1)}

HANDLERS: dict[str, Callable[[Claimed, datetime], str]] = {"stripe": stripe_events.handle}
AT_ONCE = 3  # each bell adds a thread, and one that finds nothing ends
NOBODY = "Nobody handles events of this provider."
OUR_FAULT = "Something went wrong on our side; the log says what."


@shared_task(name="handle_events")
def handle_events() -> None:
    """Begin to handle what is due, in the background. Safe to run twice: one claims each row."""
    handling.start()


def handle_due() -> None:
    """Handle events until none is due."""
    while handle_one():
        pass


def handle_one() -> bool:
    """Handle the event that is due longest. Return False if none is due."""
    now = utcnow()
    with transaction() as session:
        event = events.claim(session, now)
        also = events.alike(session, event, LOOKS) if event else []
    if event is None:
        return False
    try:
        outcome = HANDLERS[event.provider](event, now) if event.provider in HANDLERS else NOBODY
    except EarlywatchError as error:
        _put_off(event, str(error))
    except Exception:  # one event that cannot be handled must not stop those behind it
        logger.exception("event failed", extra={"received_event_id": event.id})
        _put_off(event, OUR_FAULT)
    else:
        with transaction() as session:
            events.settle(session, event, outcome, utcnow(), also)
    return True


def _put_off(event: Claimed, reason: str) -> None:
    fields = {"received_event_id": event.id, "kind": event.kind, "attempt": event.attempt}
    logger.warning("event waits", extra=fields)
    with transaction() as session:
        events.retry(session, event, reason, utcnow())


handling = Alone("handle_events", handle_due, most=AT_ONCE)
