"""The canary, sent by a worker where nobody else does: those who take pings may all be away."""

import logging
from datetime import datetime, timedelta

from celery import shared_task

from earlywatch.clients.own_door import knock
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import canary
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone

logger = logging.getLogger(__name__)

BEAT = {"send_canary": timedelta(seconds=2)}

LONE = timedelta(seconds=10)  # without anybody else sending it


@shared_task(name="send_canary")
def send_canary() -> None:
    """Begin to send it if nobody else does. Safe to run twice: one takes the turn."""
    if wiring().settings.canary:
        sending.start()


class Sender:
    """Sends it if nobody has for a while, and then as often as others would."""

    def __init__(self) -> None:
        self._sent_at: datetime | None = None

    def send_if_lone(self) -> None:
        """Send it, unless others do."""
        now = utcnow()
        with transaction() as session:
            key = canary.take_turn(session, now, LONE, self._sent_at)
        if key is None:
            return
        before, self._sent_at = self._sent_at, now
        failure = knock(f"{wiring().settings.ping_base_url}/{key}/log", canary.PATIENCE)
        if before is None or now - before > LONE:
            logger.warning("canary sent by a worker", extra={"failure": failure or "none"})


sending = Alone("send_canary", Sender().send_if_lone)
