"""Celery tasks with their beat entries beside them. Each may run twice and catches up."""

from datetime import timedelta
from typing import Any

from earlywatch.tasks import deliveries, detection, watchdog

MODULES = (detection, deliveries, watchdog)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the beat entries of all tasks.

    Each message expires when its successor comes, so that a worker that was away does not wake
    to a backlog of bells.
    """
    entries: dict[str, timedelta] = {}
    for module in MODULES:
        entries |= module.BEAT
    return {
        name: {"task": name, "schedule": every, "options": {"expires": every.total_seconds()}}
        for name, every in entries.items()
    }
