"""The loop without Redis: the same services, one process, a second between rounds."""

from collections.abc import Callable
from threading import Event, Thread

from flask import Flask

from earlywatch.tasks.deliveries import drains
from earlywatch.tasks.detection import detect
from earlywatch.tasks.outages import outlived
from earlywatch.tasks.watchdog import BEAT, watchdog

ROUND = 1.0  # seconds
STOP_GRACE = 5.0  # seconds for what is under way


def watch(app: Flask, stop: Event) -> None:
    """Detect and deliver every second until `stop` is set. Errors are logged and outlived."""
    every = BEAT["watchdog"].total_seconds()
    # Its own thread: neither a hanging database nor a hanging switch elsewhere waits for the other.
    Thread(target=_repeat, args=(app, watchdog, every, stop), daemon=True).start()
    _repeat(app, _round, ROUND, stop)
    drains.stop(STOP_GRACE)


def _round() -> None:
    detect()
    drains.start_one()


def _repeat(app: Flask, work: Callable[[], object], seconds: float, stop: Event) -> None:
    while not stop.wait(seconds):
        with outlived("watch"), app.app_context():
            work()
