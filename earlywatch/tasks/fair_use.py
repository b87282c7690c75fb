"""Paid months without a ping are given back by themselves."""

from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.errands import fair_use
from earlywatch.services import rounds
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone

BEAT = {"credit_unused_months": timedelta(minutes=1)}

ROUND = "credit_unused_months"
EVERY = timedelta(minutes=15)  # soon after a month's end: later, its pings may have made room
LEASE = timedelta(hours=1)  # longer than a round, in which each month is decided once


@shared_task(name="credit_unused_months")
def credit_unused_months() -> None:
    """Begin to give back what is due. Safe to run twice: one takes the round."""
    if wiring().stripe:
        crediting.start()


def give_back_if_due() -> None:
    """Give back every paid month that has ended without a ping, in one process at a time."""
    with transaction() as session:
        due = rounds.begin(session, ROUND, EVERY, LEASE, utcnow())
    if not due:
        return
    fair_use.give_back(utcnow())
    with transaction() as session:
        rounds.end(session, ROUND, utcnow())


crediting = Alone("credit_unused_months", give_back_if_due)
