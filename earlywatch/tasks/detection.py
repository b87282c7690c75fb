"""The detector's tick."""

import logging
from datetime import timedelta
from threading import Lock

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import detection, telling
from earlywatch.tasks import hearing
from earlywatch.tasks.deliveries import drains
from earlywatch.tasks.outages import outlived

logger = logging.getLogger(__name__)

BEAT = {"detect": timedelta(seconds=1)}

_at_work = Lock()


@shared_task(name="detect")
def detect() -> None:
    """Judge what is overdue and begin to send. Safe to run twice, useless twice in a process."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        with outlived("detect"):
            if detect_overdue():
                drains.start_one()
    finally:
        _at_work.release()


def detect_overdue() -> int:
    """Judge everything overdue, one transaction per batch. Return the number of new deliveries."""
    made = 0
    held: frozenset[int] = frozenset()
    hearing.listen()
    while True:
        with transaction() as session:
            volume = hearing.volume
            found = detection.detect(session, utcnow(), volume=volume, passed_over=held)
        made += found.deliveries
        held |= found.held
        if found.judged:
            logger.info("deadlines passed", extra={"judged": found.judged})
        if found.looked < detection.BATCH:
            break
    made += tell_due()
    # On its own, so that a detector that hangs holds only the monitors it judges.
    with transaction() as session:
        detection.mark_tick(session, utcnow())
    return made


def tell_due() -> int:
    """Plan what is to be told by now, one transaction per batch. Return the number of alerts."""
    made = 0
    while True:
        with transaction() as session:
            told = telling.tell_due(session, utcnow())
        made += told.deliveries
        if told.looked < telling.BATCH:
            return made
