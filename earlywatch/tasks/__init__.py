"""Celery tasks with their beat entries beside them. Each may run twice and catches up."""

from datetime import timedelta
from typing import Any

from earlywatch.tasks import (
    billing,
    bodies,
    canary,
    deliveries,
    detection,
    drills,
    events,
    fair_use,
    fallbacks,
    hearing,
    reconcile,
    reminders,
    retention,
    watchdog,
)

MODULES = (
    detection,
    hearing,
    canary,
    deliveries,
    watchdog,
    events,
    reconcile,
    billing,
    reminders,
    fair_use,
    fallbacks,
    retention,
    bodies,
    drills,
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the beat entries of all tasks; `worker.Bells` keeps them from piling up."""
    entries: dict[str, timedelta] = {}
    for module in MODULES:
        entries |= module.BEAT
    return {name: {"task": name, "schedule": every} for name, every in entries.items()}
