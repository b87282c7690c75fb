"""Sending what is due: a few threads of this process drain the outbox, row by row."""

import logging
from datetime import timedelta
from time import monotonic

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import account_mails, billing_mails, deliveries
from earlywatch.services.deliveries import Outgoing
from earlywatch.services.wiring import wiring
from earlywatch.tasks.drains import Drains

logger = logging.getLogger(__name__)

BEAT = {"deliver": timedelta(seconds=1)}

HELP_EVERY = 20  # messages sent by one drain: time for another one
LONGEST_DRAIN = 20.0  # seconds


@shared_task(name="deliver")
def deliver() -> None:
    """Begin to send what is due, in the background. Safe to run twice: one claims each row."""
    drains.start_one()


def drain() -> None:
    """Send until nothing is due, time is up, or the process stops."""
    end = monotonic() + LONGEST_DRAIN
    attempts = 0
    while monotonic() < end and not drains.stopping.is_set():
        if not (deliver_alert() or deliver_account_mail() or deliver_billing_mail()):
            drains.note_idle()
            break
        attempts += 1
        if attempts % HELP_EVERY == 0:
            drains.help()
    if attempts:
        logger.info("outbox drained", extra={"attempts": attempts})


def deliver_alert() -> bool:
    """Make one attempt at the alert that is due longest. Return False if none is due.

    The short transactions leave no connection open while the outside world takes its time.
    """
    outgoing = _claim()
    if outgoing is None:
        return False
    try:
        outcome = deliveries.attempt(outgoing, wiring().doors)
    finally:
        drains.count(outgoing.channel_id, -1)
    with transaction() as session:
        deliveries.record(session, outgoing, outcome, utcnow())
    return True


def _claim() -> Outgoing | None:
    with drains.claiming:
        with transaction() as session:
            busy = drains.busy_channels()
            outgoing = deliveries.claim(session, wiring().links, utcnow(), busy)
        if outgoing:
            drains.count(outgoing.channel_id, 1)
        return outgoing


def deliver_account_mail() -> bool:
    """Make one attempt at the account mail that is due longest. Return False if none is due."""
    wired = wiring()
    with transaction() as session:
        outgoing = account_mails.claim(session, wired.links, utcnow())
    if outgoing is None:
        return False
    outcome = account_mails.attempt(outgoing, wired.doors.mail)
    with transaction() as session:
        account_mails.record(session, outgoing, outcome, utcnow())
    return True


def deliver_billing_mail() -> bool:
    """Make one attempt at the mail about money due longest. Return False if none is due."""
    wired = wiring()
    with transaction() as session:
        outgoing = billing_mails.claim(session, wired.links, utcnow())
    if outgoing is None:
        return False
    outcome = billing_mails.attempt(outgoing, wired.doors.mail)
    with transaction() as session:
        billing_mails.record(session, outgoing, outcome, utcnow())
    return True


drains = Drains(drain)
