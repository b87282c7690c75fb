"""One listening connection to PostgreSQL per process, and the open pages that it wakes."""

import asyncio
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url

from earlywatch.services.incidents import LIVE_CHANNEL

logger = logging.getLogger(__name__)

MOST_STREAMS = 1_000
SHARE = 3  # of the files that a process may open, one in so many: pings come first
LONGEST_WAIT = 10.0  # seconds until the next attempt to listen
SILENCE = 15.0  # seconds after which the connection is asked whether it is still there
PATIENCE = 5.0  # seconds for its answer


class Bell:
    """What one open page waits for."""

    def __init__(self) -> None:
        self.rings = asyncio.Event()
        self.rings.set()  # something may have happened since the page was made

    async def wait(self, seconds: float) -> bool:
        """Wait for the next ring, at most `seconds`; return whether it came."""
        try:
            await asyncio.wait_for(self.rings.wait(), seconds)
        except TimeoutError:
            return False
        self.rings.clear()
        return True


class Hub:
    """Hears `NOTIFY earlywatch_live, '<workspace id>'` and rings the bells of that workspace."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url).set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        self._bells: dict[int, set[Bell]] = {}
        self._task: asyncio.Task[None] | None = None
        self._most = min(MOST_STREAMS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // SHARE)
        self.ended = False

    @property
    def full(self) -> bool:
        """Whether this process has as many open streams as it takes."""
        return sum(len(bells) for bells in self._bells.values()) >= self._most

    def start(self) -> None:
        """Begin to listen. Call from the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    def end(self) -> None:
        """Let every stream end, because the process is about to stop."""
        self.ended = True
        self._ring_all()

    async def close(self) -> None:
        """Stop listening."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @contextmanager
    def bell(self, workspace_id: int) -> Iterator[Bell]:
        """A bell that rings when something changed in the workspace."""
        bell = Bell()
        bells = self._bells.setdefault(workspace_id, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(workspace_id, None)

    async def _listen(self) -> None:
        wait = 1.0
        while True:
            try:
                connection = await self._connect()
                async with connection:
                    wait = 1.0
                    self._ring_all()  # whatever was said before was not heard
                    await self._relay(connection)
            except (psycopg.Error, OSError) as error:
                fields = {"error": str(error).partition("\n")[0], "wait_seconds": wait}
                logger.warning("live pages wait for the database", extra=fields)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=int(PATIENCE),
            application_name="earlywatch live",
        )
        await asyncio.wait_for(connection.execute(f"LISTEN {LIVE_CHANNEL}".encode()), PATIENCE)
        return connection

    async def _relay(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        while True:
            async for notice in connection.notifies(timeout=SILENCE):
                self._ring(notice.payload)
            await asyncio.wait_for(connection.execute(b"SELECT 1"), PATIENCE)

    def _ring(self, payload: str) -> None:
        if payload.isdecimal():
            for bell in self._bells.get(int(payload), ()):
                bell.rings.set()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.rings.set()
