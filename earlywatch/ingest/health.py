"""`/healthz`: whether this installation does its work, for load balancers and people."""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch import __version__
from earlywatch.clock import utcnow
from earlywatch.ingest.http import Receive, Scope, Send
from earlywatch.ingest.line import Line
from earlywatch.models import Delivery, Tick
from earlywatch.models.columns import OutboxState
from earlywatch.services import hearing
from earlywatch.services.detection import STALE_TICK, TICK

logger = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds for an answer of the database
FRESH = timedelta(seconds=1)  # how long an answer is given again: asking often must cost nothing


@dataclass(frozen=True)
class Health:
    """What was found at `seen_at`. Ages are in seconds, None where there is nothing."""

    seen_at: datetime
    needs_detector: bool
    database: bool = False
    last_tick_age: float | None = None
    oldest_due_delivery_age: float | None = None
    deaf_since: datetime | None = None  # UTC; the site goes on, and judges nothing

    @property
    def good(self) -> bool:
        """The database is there and, where that matters, the detector looked at it lately."""
        age = self.last_tick_age
        ticks = age is not None and age <= STALE_TICK.total_seconds()
        return self.database and (ticks or not self.needs_detector)

    def as_json(self) -> bytes:
        """Return what is shown."""
        shown = {
            "status": "ok" if self.good else "ill",
            "database": "ok" if self.database else "gone",
            "last_tick_age": self.last_tick_age,
            "oldest_due_delivery_age": self.oldest_due_delivery_age,
            "deaf_since": self.deaf_since and self.deaf_since.isoformat(),
            "version": __version__,
        }
        return json.dumps(shown).encode()


class HealthApp:
    """Looks at most once per second, and for everybody who asks at once.

    A process that only takes pings is well without a detector: to restart it or to send it no
    more pings would help nobody.
    """

    def __init__(self, line: Line, *, needs_detector: bool) -> None:
        self._line = line
        self._needs_detector = needs_detector
        self._look: asyncio.Future[Health] | None = None

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer 200, or 503 when something is wrong."""
        health = await self._health()
        body = health.as_json()
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
        ]
        status = 200 if health.good else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})

    async def close(self) -> None:
        """Let go of the thread and the connection."""
        if self._look is not None and not self._look.done():
            self._line.hang_up()
            await asyncio.wait({self._look}, timeout=PATIENCE)
        self._line.close()

    async def _health(self) -> Health:
        now = utcnow()
        look = self._look
        if look is None or (look.done() and now - look.result().seen_at > FRESH):
            look = self._look = self._line.run(self._ask)
        done, _ = await asyncio.wait({look}, timeout=PATIENCE)
        if done:
            return look.result()
        self._line.hang_up()
        return Health(now, self._needs_detector)

    def _ask(self) -> Health:
        now = utcnow()
        try:
            with Session(self._line.engine) as session:
                ticked_at = session.scalar(select(Tick.ticked_at).where(Tick.name == TICK))
                due_at = session.scalar(
                    select(func.min(Delivery.next_attempt_at)).where(
                        Delivery.state == OutboxState.PENDING, Delivery.next_attempt_at <= now
                    )
                )
                deaf_since = hearing.deaf_since(session, now)
        # Whatever it is, it must not be the answer for ever, and the next look may go well.
        except Exception as error:  # noqa: BLE001
            fields = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
            logger.warning("database cannot be looked at", extra=fields)
            return Health(now, self._needs_detector)
        ages = _age(ticked_at, now), _age(due_at, now)
        return Health(now, self._needs_detector, True, *ages, deaf_since)


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else round(max(0.0, (now - moment).total_seconds()), 3)
