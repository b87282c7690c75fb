"""The drill of the week, and channels of which nobody knows whether they are still read."""

import logging
from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import drills, proving, rounds
from earlywatch.tasks.outages import outlived

BEAT = {"drill": timedelta(minutes=1), "tell_unproven": timedelta(minutes=1)}

ROUND = "tell_unproven"
EVERY = timedelta(hours=1)
LEASE = timedelta(minutes=10)

logger = logging.getLogger(__name__)


@shared_task(name="drill")
def drill() -> None:
    """Hold the drills of the week that are due. Safe to run twice: each is held once."""
    with outlived("drill"):
        drill_due()


def drill_due() -> None:
    """Hold each drill in a transaction of its own: one that cannot be held hinders no other."""
    with transaction() as session:
        due = drills.weekly_due(session, utcnow())
    for workspace_id in due:
        with outlived("drill"), transaction() as session:
            if drills.start_weekly(session, workspace_id, utcnow()):
                logger.info("drill held", extra={"workspace_id": workspace_id})


@shared_task(name="tell_unproven")
def tell_unproven() -> None:
    """Tell of channels that nobody has answered on. Safe to run twice: one takes the round."""
    with outlived(ROUND):
        tell_if_due()


def tell_if_due() -> None:
    """Tell of all of them, some in each transaction."""
    with transaction() as session:
        due = rounds.begin(session, ROUND, EVERY, LEASE, utcnow())
    if not due:
        return
    while True:
        with transaction() as session:
            told = proving.tell_unproven(session, utcnow())
        if told < proving.BATCH:
            break
    with transaction() as session:
        rounds.end(session, ROUND, utcnow())
