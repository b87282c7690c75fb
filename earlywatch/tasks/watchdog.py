"""Who watches us: a dead man's switch elsewhere is pinged while our detector ticks."""

import logging
from datetime import timedelta

from celery import shared_task

from earlywatch.clients.http import Unreachable
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services.detection import is_ticking
from earlywatch.services.wiring import wiring
from earlywatch.tasks.outages import outlived

logger = logging.getLogger(__name__)

BEAT = {"watchdog": timedelta(seconds=10)}


@shared_task(name="watchdog")
def watchdog() -> None:
    """Ping `WATCHDOG_URL`, if there is one and the detector ticked lately."""
    wired = wiring()
    url = wired.settings.watchdog_url
    if not url:
        return
    ticking = False
    with outlived("watchdog"), transaction() as session:
        ticking = is_ticking(session, utcnow())
    if not ticking:
        logger.error("detector does not tick, watchdog not pinged")
        return
    try:
        wired.doors.http.post(url, trusted=True)
    except Unreachable as error:
        logger.warning("watchdog not reached", extra={"reason": str(error)})
