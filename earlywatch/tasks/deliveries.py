"""Sending what is due: threads of one process drain the outbox, row by row."""

from datetime import timedelta
from threading import BoundedSemaphore
from time import monotonic

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import account_mails, deliveries
from earlywatch.services.wiring import wiring
from earlywatch.tasks.bell import ring

BEAT = {"deliver": timedelta(seconds=1)}

# Fewer than the worker has threads (see `worker.py`): however many providers hang, the
# detector finds a free one.
DRAINS = 8
RING_EVERY = 20  # messages sent by one drain: time to ask for help
LONGEST_DRAIN = 20.0  # seconds, so that a stopping worker is not kept for long

_slots = BoundedSemaphore(DRAINS)


@shared_task(name="deliver")
def deliver() -> None:
    """Send what is due until nothing is. Safe to run twice: each row is claimed by one."""
    if not _slots.acquire(blocking=False):
        return
    try:
        drain()
    finally:
        _slots.release()


def drain() -> int:
    """Send until nothing is due or time is up, asking for help on the way. Return the count."""
    return drain_alerts() + drain_account_mails()


def drain_alerts() -> int:
    """Send alerts until none is due or time is up.

    The short transactions between the attempts leave no connection open while the outside world
    takes its time; each writes how one attempt ended and takes the next alert.
    """
    wired, sent, end = wiring(), 0, monotonic() + LONGEST_DRAIN
    with transaction() as session:
        outgoing = deliveries.claim(session, wired.links, utcnow())
    while outgoing:
        outcome = deliveries.attempt(outgoing, wired.doors)
        sent += 1
        with transaction() as session:
            deliveries.record(session, outgoing, outcome, utcnow())
            more = monotonic() < end
            outgoing = deliveries.claim(session, wired.links, utcnow()) if more else None
        if sent % RING_EVERY == 0:
            ring("deliver")
    return sent


def drain_account_mails() -> int:
    """Send mails about accounts until none is due."""
    wired, sent = wiring(), 0
    while True:
        with transaction() as session:
            outgoing = account_mails.claim(session, wired.links, utcnow())
        if outgoing is None:
            return sent
        outcome = account_mails.attempt(outgoing, wired.doors.mail)
        sent += 1
        with transaction() as session:
            account_mails.record(session, outgoing, outcome, utcnow())
