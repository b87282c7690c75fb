"""Every few seconds: what did not arrive is told elsewhere, and what gathered is sent."""

from datetime import timedelta

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import digests, fallbacks
from earlywatch.tasks.deliveries import drains

BEAT = {"fall_back": timedelta(seconds=5), "send_digests": timedelta(seconds=5)}


@shared_task(name="fall_back")
def fall_back() -> None:
    """Tell elsewhere what was not delivered. Safe to run twice: each row is marked once."""
    while _fall_back():
        drains.start_one()
    with transaction() as session:
        fallbacks.forget(session, utcnow())


@shared_task(name="send_digests")
def send_digests() -> None:
    """Send what gathered for long enough. Safe to run twice: one locks each channel."""
    with transaction() as session:
        digests.release_urgent(session, utcnow())
    while _send_digest():
        drains.start_one()


def _fall_back() -> int:
    with transaction() as session:
        return fallbacks.fall_back(session, utcnow())


def _send_digest() -> bool:
    with transaction() as session:
        return digests.send_one(session, utcnow())
