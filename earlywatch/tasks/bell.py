"""Ringing the bell: rows wait in PostgreSQL, a message only says that looking is worthwhile."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}


def ring(task: str) -> None:
    """Ask a worker to run `task` soon. A bell that cannot be rung is logged: beat rings again."""
    if not current_app.conf.broker_url:  # `earlywatch watch` has no workers to wake
        return
    try:
        current_app.send_task(task, retry=True, retry_policy=RETRY, expires=10)
    except OperationalError:
        logger.warning("bell not rung", extra={"task_name": task})
