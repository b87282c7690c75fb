"""The loop without Redis: the same services, one process, a second between rounds."""

from collections.abc import Callable
from threading import Event, Thread

from flask import Flask

from earlywatch.tasks import MODULES
from earlywatch.tasks.deliveries import deliver, drains
from earlywatch.tasks.detection import detect
from earlywatch.tasks.outages import outlived

ROUND = 1.0  # seconds
STOP_GRACE = 5.0  # seconds for what is under way


def watch(app: Flask, stop: Event) -> None:
    """Detect and deliver every second until `stop` is set. Errors are logged and outlived."""
    for work, every in besides().values():
        # Threads of their own: nothing waits for a database or a switch elsewhere that hangs.
        Thread(target=_repeat, args=(app, work, every, stop), daemon=True).start()
    _repeat(app, _round, ROUND, stop)
    drains.stop(STOP_GRACE)


def _round() -> None:
    detect()
    deliver()


def besides() -> dict[str, tuple[Callable[[], object], float]]:
    """Return by name what beat rings for besides: the work itself, and the seconds between."""
    beats = [(module, name, every) for module in MODULES for name, every in module.BEAT.items()]
    return {
        name: (getattr(module, name).run, every.total_seconds())
        for module, name, every in beats
        if name not in {"detect", "deliver"}
    }


def _repeat(app: Flask, work: Callable[[], object], seconds: float, stop: Event) -> None:
    while not stop.wait(seconds):
        with outlived("watch"), app.app_context():
            work()
