"""The detector's tick."""

import logging
from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import detection
from earlywatch.tasks.bell import ring

logger = logging.getLogger(__name__)

BEAT = {"detect": timedelta(seconds=1)}


@shared_task(name="detect")
def detect() -> None:
    """Judge what is overdue and ring for the deliveries. Safe to run twice."""
    if detect_overdue():
        ring("deliver")


def detect_overdue() -> int:
    """Judge everything overdue, one transaction per batch. Return the number of new deliveries."""
    made = 0
    while True:
        with transaction() as session:
            found = detection.detect(session, utcnow())
        made += found.deliveries
        if found.judged:
            logger.info("deadlines passed", extra={"judged": found.judged})
        if found.judged < detection.BATCH:
            return made
