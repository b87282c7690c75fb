"""Reminders: looked for every minute, told once."""

from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.errands import reminders
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone

BEAT = {"remind": timedelta(minutes=1)}


@shared_task(name="remind")
def remind() -> None:
    """Begin to remind. Safe to run twice: the database knows each mail by its name."""
    if wiring().stripe:
        reminding.start()


def remind_due() -> None:
    """Queue every reminder that is due."""
    reminders.remind(utcnow())


reminding = Alone("remind", remind_due)
