"""Group commit: pings that arrive while one transaction commits go into the next one together."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from earlywatch.ingest.line import Line
from earlywatch.ingest.store import Unavailable, store
from earlywatch.services.pings import IncomingPing, Outcome

logger = logging.getLogger(__name__)

LARGEST_BATCH = 500  # pings
LARGEST_BATCH_BYTES = 4_000_000  # of bodies
MOST_WAITING = 5_000  # pings
MOST_WAITING_BYTES = 64_000_000  # of bodies
GATHER = 0.002  # seconds; a transaction costs as much as 20 pings in it
PATIENCE = 4.0  # seconds for a transaction; whoever waits longer is refused
AGAIN = 0.5  # seconds between looks at a transaction that takes too long

Waiting = tuple[IncomingPing, asyncio.Future[Outcome]]
Commit = asyncio.Future[list[Outcome | None]]


class Batcher:
    """Stores pings durably, many in one transaction. One per process, used from its event loop."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to commit. Call from the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Commit what waits, then stop; whatever comes later is refused."""
        self._closed = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        self._line.close()

    def submit(self, ping: IncomingPing) -> asyncio.Future[Outcome]:
        """Return the outcome to wait for; it is there after the commit.

        Raises Unavailable at once when too much waits already, and later through the
        future when the ping could not be stored.
        """
        size = _size(ping)
        if (
            self._closed
            or len(self._waiting) >= MOST_WAITING
            or self._waiting_bytes + size > MOST_WAITING_BYTES
        ):
            raise Unavailable
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((ping, future))
        self._waiting_bytes += size
        self._arrived.set()
        return future

    async def _run(self) -> None:
        while self._waiting or not self._closed:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await asyncio.sleep(GATHER)
                batch = self._take()
                pings = [ping for ping, _ in batch]
                commit = self._line.run(store, self._line.engine, pings)
                await self._bounded(commit, batch)
                _tell(batch, commit)

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < LARGEST_BATCH and size < LARGEST_BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += _size(batch[-1][0])
        self._waiting_bytes -= size
        return batch

    async def _bounded(self, commit: Commit, batch: list[Waiting]) -> None:
        """Wait for a commit. When it takes too long, cut it off and refuse everybody who waits."""
        done, _ = await asyncio.wait({commit}, timeout=PATIENCE)
        while not done:
            logger.error("database does not answer, pings are refused")
            self._line.hang_up()
            _refuse(batch)
            while waiting := self._take():
                _refuse(waiting)
            done, _ = await asyncio.wait({commit}, timeout=AGAIN)


def _size(ping: IncomingPing) -> int:
    return len(ping.body) if ping.body else 0


def _tell(batch: Sequence[Waiting], commit: Commit) -> None:
    """Give each its outcome. One whose client went away does not listen any more."""
    error = commit.exception()
    if error is not None:
        if not isinstance(error, Unavailable):
            logger.error("pings could not be stored", exc_info=error)
        _refuse(batch)
        return
    for (_, future), outcome in zip(batch, commit.result(), strict=True):
        if future.done():
            continue
        if outcome is None:
            future.set_exception(Unavailable())
        else:
            future.set_result(outcome)


def _refuse(batch: Sequence[Waiting]) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(Unavailable())
