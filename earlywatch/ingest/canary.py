"""Who sends the canary: each process that takes pings, in turns, so that it needs nobody else.

If it does not come through, the process stores one itself, which is not heard, and shows that
pings would be stored if they came.
"""

import asyncio
import contextlib
import logging
from uuid import UUID

from sqlalchemy.orm import Session

from earlywatch.clients.own_door import knock
from earlywatch.clock import utcnow
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.line import Line
from earlywatch.ingest.store import Unavailable
from earlywatch.services import canary
from earlywatch.services.incoming import IncomingPing

logger = logging.getLogger(__name__)

LOOK = 0.5  # seconds between looks whether it is time


class Canary:
    """Sends a ping to the public address every few seconds, if no other process does."""

    def __init__(self, line: Line, ping_base_url: str, batcher: Batcher) -> None:
        self._line = line
        self._batcher = batcher
        self._ping_base_url = ping_base_url
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failing: str | None = None

    def start(self) -> None:
        """Begin to send. Call from the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Send no more."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=canary.PATIENCE + LOOK)
            self._line.hang_up()
        self._line.close()

    async def _run(self) -> None:
        while not self._closing.is_set():
            lost = await self._line.run(self._send)
            if lost is not None:
                await self._store(lost)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), LOOK)

    async def _store(self, key: UUID) -> None:
        ping = IncomingPing(key, PingKind.IGNORED, utcnow(), "POST", "http")
        with contextlib.suppress(Unavailable, TimeoutError):
            await asyncio.wait_for(self._batcher.submit(ping), canary.PATIENCE)

    def _send(self) -> UUID | None:
        """Send it if it is our turn; return its key if it did not come through.

        Whatever goes wrong, the next one may get through.
        """
        key = None
        try:
            with Session(self._line.engine) as session:
                key = canary.take_turn(session, utcnow())
                session.commit()
            if key is None:
                return None
            failure = knock(f"{self._ping_base_url}/{key}/log", canary.PATIENCE)
        except Exception as error:  # noqa: BLE001 - as above
            failure = type(error).__name__
        if failure != self._failing:
            self._failing = failure
            logger.warning("canary", extra={"failure": failure or "none any more"})
        return key if failure else None
