"""Sending what is due: a few threads of this process drain the outbox, row by row."""

import logging
from datetime import timedelta
from time import monotonic

from celery import shared_task
from sqlalchemy.exc import DBAPIError

from earlywatch.clock import utcnow
from earlywatch.db import statements, transaction
from earlywatch.services import account_mails, billing_mails, deliveries, turns
from earlywatch.services.deliveries import Outgoing
from earlywatch.services.outbox import Outcome
from earlywatch.services.turns import Claimed
from earlywatch.services.wiring import wiring
from earlywatch.tasks.breakers import Breakers
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
    """Make one attempt at the alert whose turn it is. Return False if none is due.

    The short transactions leave no connection open while the outside world takes its time.
    """
    claimed = _claim()
    if claimed is None:
        return False
    outgoing, began = claimed
    try:
        outcome = _attempt(outgoing)
    finally:
        drains.end(outgoing.channel_id, began)
    try:
        _record(outgoing, outcome)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        _record(outgoing, outcome)  # the connection had died: else what was sent would go out again
    return True


def _claim() -> tuple[Outgoing, float] | None:
    """Take what is due until one of it is to be sent."""
    with drains.claiming:
        while True:
            with statements() as session:
                claimed = turns.claim(session, utcnow(), drains.busy_channels())
            if claimed is None:
                return None
            if outgoing := _prepare(claimed):
                return outgoing, drains.begin(outgoing.channel_id)


def _prepare(claimed: Claimed) -> Outgoing | None:
    """Return what to send, None if it is not sent now."""
    wired = wiring()
    try:
        with transaction() as session:
            domain = wired.settings.ping_mail_domain
            return deliveries.prepare(session, claimed, wired.links, utcnow(), domain)
    except Exception as error:  # one row that cannot be told must not block those behind it
        logger.exception("delivery cannot be told", extra={"delivery_id": claimed.id})
        away = isinstance(error, DBAPIError) and error.connection_invalidated
        with transaction() as session:
            deliveries.undo_claim(session, claimed, utcnow(), failed=not away)
        return None


def _record(outgoing: Outgoing, outcome: Outcome) -> None:
    # What follows a failure must stand or fall together.
    with (statements if outcome.sent else transaction)() as session:
        deliveries.record(session, outgoing, outcome, utcnow())


def _attempt(outgoing: Outgoing) -> Outcome:
    """Send. However it ends, that is an outcome: one alert must not stop those behind it."""
    if outgoing.refusal:
        return outgoing.refusal
    try:
        return _ask(outgoing)
    except Exception:
        logger.exception("attempt raised", extra={"delivery_id": outgoing.claim.id})
        return Outcome(sent=False, answer=deliveries.OUR_FAULT)


def _ask(outgoing: Outgoing) -> Outcome:
    """Send, unless the provider has not worked lately."""
    now = utcnow()
    overdue = outgoing.overdue_at is None or outgoing.overdue_at <= now
    if not breakers.ask(outgoing.provider, overdue=overdue):
        return deliveries.hold_back(outgoing, now)
    ill = True
    try:
        outcome = deliveries.attempt(outgoing, wiring().doors)
        ill = outcome.ill
    finally:
        breakers.note(outgoing.provider, ill=ill)
    return outcome


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
breakers = Breakers()
