"""What becomes due by time alone. Each round reads the state and does what is due."""

import logging
from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.errands import upkeep
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone

logger = logging.getLogger(__name__)

BEAT = {"end_pauses": timedelta(seconds=30), "refresh_plans": timedelta(seconds=30)}


@shared_task(name="end_pauses")
def end_pauses() -> None:
    """Begin to resume what was paused until now. Safe to run twice: a pause ends in one act."""
    if wiring().stripe:
        ending.start()


@shared_task(name="refresh_plans")
def refresh_plans() -> None:
    """Let grace and gifts run out. Safe to run twice: it sets what is true."""
    if refreshed := upkeep.refresh_plans(utcnow()):
        logger.info("plans ran out", extra={"workspaces": refreshed})


def end_due() -> None:
    """Resume what was paused until now, unless its reminder is not a day old."""
    if tried := upkeep.end_pauses(utcnow()):
        logger.info("pauses ended", extra={"tried": tried})


ending = Alone("end_pauses", end_due)
