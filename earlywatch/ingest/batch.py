"""Group commit: pings that arrive while one transaction commits go into the next one together."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from earlywatch.ingest.line import Line
from earlywatch.ingest.queue import Queue, Waiting
from earlywatch.ingest.store import Result, Unavailable, store
from earlywatch.services.incoming import IncomingPing, NotCreated, Outcome

logger = logging.getLogger(__name__)

# Seconds to wait for more; a transaction costs as much as 20 pings in it. Once as many are there
# as came the last time, it begins at once: the same clients are waiting again.
GATHER = 0.002
FEW = 16  # pings; fewer are not worth a transaction yet
PATIENCE = 4.0  # seconds for a transaction; whoever waits longer is refused
AGAIN = 0.5  # seconds between looks at a transaction that takes too long

Commit = asyncio.Future[list[Result]]


class Batcher:
    """Stores pings durably, many in one transaction. One per process, used from its event loop."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._queue = Queue()
        self._batch: Sequence[Waiting] = ()
        self._arrived = asyncio.Event()
        self._gathered = asyncio.Event()
        self._enough = FEW  # pings
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

    def submit(self, ping: IncomingPing) -> asyncio.Future[Outcome | NotCreated]:
        """Return the outcome to wait for; it is there after the commit.

        Raises Unavailable at once when too much waits already, and later through the
        future when the ping could not be stored.
        """
        if self._closed:
            raise Unavailable
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome | NotCreated] = loop.create_future()
        self._queue.add(Waiting(ping, loop.time(), future))
        self._arrived.set()
        if self._queue.in_line >= self._enough:
            self._gathered.set()
        return future

    async def _run(self) -> None:
        while self._queue or not self._closed:
            try:
                await self._round()
            except Exception:  # without this task nobody's ping would ever be answered
                logger.exception("a round of commits failed, its pings are refused")
                self._refuse_all()

    async def _round(self) -> None:
        now = asyncio.get_running_loop().time
        pause = self._queue.pause(now())
        if pause != 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), pause)
        self._arrived.clear()
        await self._gather()
        self._batch = self._queue.take(now())
        if self._batch:
            self._enough = max(FEW, len(self._batch))
            pings = [waiting.ping for waiting in self._batch]
            commit = self._line.run(store, self._line.engine, pings)
            await self._bounded(commit)
            self._tell(commit, now())
            self._batch = ()

    async def _gather(self) -> None:
        if self._queue.in_line < self._enough:
            self._gathered.clear()
            timer = asyncio.get_running_loop().call_later(GATHER, self._gathered.set)
            await self._gathered.wait()
            timer.cancel()

    async def _bounded(self, commit: Commit) -> None:
        """Wait for a commit. When it takes too long, cut it off and refuse everybody who waits."""
        done, _ = await asyncio.wait({commit}, timeout=PATIENCE)
        while not done:
            logger.error("database does not answer, pings are refused")
            self._line.hang_up()
            self._refuse_all()
            done, _ = await asyncio.wait({commit}, timeout=AGAIN)

    def _tell(self, commit: Commit, now: float) -> None:
        """Give each its outcome; those of locked monitors wait on."""
        error = commit.exception()
        if error is not None:
            if not isinstance(error, Unavailable):
                logger.error("pings could not be stored", exc_info=error)
            for waiting in self._batch:
                waiting.refuse()
            return
        locked = []
        for waiting, outcome in zip(self._batch, commit.result(), strict=True):
            if outcome is None:
                waiting.refuse()
            elif outcome in (Outcome.LOCKED, Outcome.POSTPONED):
                if outcome is Outcome.POSTPONED:
                    waiting.postpone(now)
                locked.append(waiting)
            else:
                waiting.settle(outcome)
        self._queue.put_back(locked, now)

    def _refuse_all(self) -> None:
        for waiting in self._batch:
            waiting.refuse()
        for waiting in self._queue.drain():
            waiting.refuse()
