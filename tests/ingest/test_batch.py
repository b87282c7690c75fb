"""The queue before the database: bounded, and emptied before the end."""

import asyncio
from collections.abc import Callable, Coroutine
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from earlywatch.clock import utcnow
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.line import Line
from earlywatch.ingest.queue import MOST_WAITING, MOST_WAITING_BYTES
from earlywatch.ingest.store import Unavailable
from earlywatch.services.incoming import IncomingPing, Outcome
from tests.serving import add_monitors


def ping(key: UUID | None = None, body: bytes | None = None) -> IncomingPing:
    return IncomingPing(key or uuid4(), PingKind.LOG, utcnow(), "POST", "http", body=body)


def with_batcher(url: str, use: Callable[[Batcher], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        await use(Batcher(Line("pings", url, pre_ping=False)))

    asyncio.run(run())


def test_above_its_bound_the_queue_refuses_at_once(ping_database: str) -> None:
    async def use(batcher: Batcher) -> None:
        waiting = [batcher.submit(ping()) for _ in range(MOST_WAITING)]

        with pytest.raises(Unavailable):
            batcher.submit(ping())

        batcher.start()
        await batcher.close()
        assert {future.result() for future in waiting} == {Outcome.UNKNOWN}

    with_batcher(ping_database, use)


def test_large_bodies_fill_the_queue_sooner(ping_database: str) -> None:
    async def use(batcher: Batcher) -> None:
        body = b"x" * 100_000
        waiting = [batcher.submit(ping(body=body)) for _ in range(MOST_WAITING_BYTES // len(body))]

        with pytest.raises(Unavailable):
            batcher.submit(ping(body=b"x"))

        assert batcher.submit(ping()) is not None
        batcher.start()
        await batcher.close()
        assert all(future.done() for future in waiting)

    with_batcher(ping_database, use)


def test_what_was_accepted_is_stored_before_the_end(ping_database: str, engine: Engine) -> None:
    [key] = add_monitors(engine)

    async def use(batcher: Batcher) -> None:
        batcher.start()
        waiting = [batcher.submit(ping(key)) for _ in range(1_200)]

        await batcher.close()

        assert {future.result() for future in waiting} == {Outcome.RECORDED}
        with pytest.raises(Unavailable):
            batcher.submit(ping(key))

    with_batcher(ping_database, use)


def test_a_client_that_went_away_does_not_disturb_the_others(
    ping_database: str, engine: Engine
) -> None:
    [key] = add_monitors(engine)

    async def use(batcher: Batcher) -> None:
        gone, there = batcher.submit(ping(key)), batcher.submit(ping(key))
        gone.cancel()

        batcher.start()

        assert await there is Outcome.RECORDED
        await batcher.close()

    with_batcher(ping_database, use)


def test_without_a_thread_pings_are_refused_and_the_intake_lives_on(
    ping_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(line: Line) -> None:
        batcher = Batcher(line)
        batcher.start()
        line.close()  # so that each commit raises
        for _ in range(2):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(batcher.submit(ping()), 5)
        await batcher.close()

    asyncio.run(use(Line("pings", ping_database, pre_ping=False)))

    words = "a round of commits failed, its pings are refused"
    assert [record.message for record in caplog.records].count(words) == 2
