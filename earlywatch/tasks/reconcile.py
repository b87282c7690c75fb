"""What keeps us in step with Stripe when events are lost and processes die."""

import logging
from datetime import datetime, timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.errands import sync, unfinished
from earlywatch.errands.sync import Reconciled
from earlywatch.services import events, rounds
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone
from earlywatch.tasks.few import few_at_once

logger = logging.getLogger(__name__)

BEAT = {"reconcile": timedelta(minutes=1), "finish_acts": timedelta(seconds=5)}

ROUND = "reconcile"
EVERY = timedelta(hours=24)
LEASE = timedelta(hours=1)  # for a batch; also the wait after a night without Stripe


@shared_task(name="reconcile")
def reconcile() -> None:
    """Begin the nightly comparison if it is due. Safe to run twice: one takes the round."""
    if wiring().stripe:
        reconciling.start()


@shared_task(name="finish_acts")
def finish_acts() -> None:
    """Begin to finish what people pressed and Stripe did not answer. Safe to run twice."""
    if wiring().stripe:
        finishing.start()


def reconcile_if_due() -> None:
    """Compare every subscription with Stripe, once a day; our copies are set right.

    A round that was cut short goes on with those that nobody looked at since it began.
    """
    begun = utcnow()
    with transaction() as session:
        since = rounds.begin(session, ROUND, EVERY, LEASE, begun)
    found = _compare(since, begun) if since else None
    if found is None:
        return
    counts = {"looked": found.looked, "repaired": found.repaired, "away": found.away}
    level = logging.WARNING if found.repaired or found.away else logging.INFO
    logger.log(level, "compared with stripe", extra=counts)
    with transaction() as session:
        events.forget_old(session, utcnow())
        if not found.looked or found.away < found.looked:
            rounds.end(session, ROUND, utcnow())


def _compare(since: datetime, held: datetime) -> Reconciled | None:
    """Go through all that are left of a round; None if it must go on later, or elsewhere."""
    step = found = sync.reconcile(utcnow(), since, spread=few_at_once)
    while step.last is not None:
        if step.away == step.looked:
            logger.warning("comparison waits: stripe does not answer")
            return None
        now = utcnow()
        with transaction() as session:
            if not rounds.renew(session, ROUND, held, now):
                return None
        held = now
        step = sync.reconcile(now, since, step.last, few_at_once)
        found += step
    return found


def finish() -> None:
    """Find out what became of unfinished acts, and do the rest of those that took effect."""
    if settled := unfinished.finish_open(utcnow()):
        logger.info("acts finished", extra={"settled": settled})


reconciling = Alone("reconcile", reconcile_if_due)
finishing = Alone("finish_acts", finish)
