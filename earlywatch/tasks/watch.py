"""The loop without Redis: the same services, one process, a second between rounds."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from flask import Flask

from earlywatch.tasks.deliveries import DRAINS, deliver
from earlywatch.tasks.detection import detect_overdue
from earlywatch.tasks.watchdog import BEAT, watchdog

logger = logging.getLogger(__name__)

ROUND = 1.0  # seconds
WATCHDOG_ROUNDS = int(BEAT["watchdog"].total_seconds() / ROUND)


def watch(app: Flask, stop: Event) -> None:
    """Detect and deliver every second until `stop` is set. Errors are logged and outlived."""
    rounds = 0
    with ThreadPoolExecutor(DRAINS) as pool:
        while True:
            made = _guarded(app, detect_overdue) or 0
            for _ in range(DRAINS if made > 1 else 1):
                pool.submit(_guarded, app, deliver)
            if rounds % WATCHDOG_ROUNDS == 0:
                pool.submit(_guarded, app, watchdog)
            rounds += 1
            if stop.wait(ROUND):
                return


def _guarded(app: Flask, work: Callable[[], int | None]) -> int | None:
    try:
        with app.app_context():
            return work()
    except Exception:  # the loop outlives a database that is away
        logger.exception("round failed", extra={"work": getattr(work, "__name__", str(work))})
        return None
