"""`/healthz`: what load balancers and people see."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event
from sqlalchemy.orm import Session

from earlywatch import __version__
from earlywatch.clock import utcnow
from earlywatch.ingest.health import HealthApp
from earlywatch.ingest.http import Message
from earlywatch.ingest.line import Line
from earlywatch.models import Delivery, Tick
from tests.builders import make_delivery
from tests.serving import Server
from tests.waiting import wait_until

FRESH = 3.0  # seconds after which a new look must have been taken


@pytest.fixture(scope="module", params=["app", "ingest_app"])
def server(
    request: pytest.FixtureRequest, ping_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One worker, since each gives its last answer again for a second."""
    log = tmp_path_factory.mktemp("health") / "log.txt"
    with Server(request.param, ping_database, log, workers=1) as server:
        yield server


@pytest.fixture
def when_ill(request: pytest.FixtureRequest, server: Server) -> tuple[int, str]:
    """What it says while the detector is ill: to take pings alone, none is needed."""
    alone = "ingest_app" in request.node.callspec.params.values()
    return (200, "ok") if alone else (503, "ill")


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> None:
    """No tick and no delivery of an earlier test."""
    with Session(engine) as session:
        session.execute(delete(Tick))
        session.execute(delete(Delivery))
        session.commit()


def tick(engine: Engine, age: timedelta) -> None:
    with Session(engine) as session:
        Tick.mark(session, "detect", utcnow() - age)
        session.commit()


def health(server: Server) -> tuple[int, dict[str, Any]]:
    status, body = server.get("/healthz")
    return status, json.loads(body)


def test_all_is_well_while_the_detector_ticks(server: Server, engine: Engine) -> None:
    start = utcnow()
    tick(engine, timedelta(seconds=2))

    def looked() -> bool:
        since_tick = 2 + (utcnow() - start).total_seconds()
        return 2 <= (health(server)[1]["last_tick_age"] or 0) <= since_tick

    wait_until(looked, FRESH, "a new look")

    status, found = health(server)
    assert (status, found["status"]) == (200, "ok")
    assert (found["database"], found["version"]) == ("ok", __version__)
    assert found["oldest_due_delivery_age"] is None


def test_an_old_tick_is_told_and_makes_the_site_ill(
    server: Server, engine: Engine, when_ill: tuple[int, str]
) -> None:
    tick(engine, timedelta(seconds=31))

    wait_until(lambda: (health(server)[1]["last_tick_age"] or 0) > 30, FRESH, "a new look")

    status, found = health(server)
    assert (status, found["status"]) == when_ill


def test_a_detector_that_never_ran_makes_the_site_ill(
    server: Server, when_ill: tuple[int, str]
) -> None:
    wait_until(lambda: health(server)[1]["last_tick_age"] is None, FRESH, "a new look")

    status, found = health(server)
    assert (status, found["status"]) == when_ill


def test_the_oldest_delivery_that_is_due_is_told(server: Server, engine: Engine) -> None:
    tick(engine, timedelta(0))
    with Session(engine) as session:
        for seconds in (-60, 90, 7):
            make_delivery(session, now=utcnow() - timedelta(seconds=seconds))
        session.commit()

    wait_until(lambda: bool(health(server)[1]["oldest_due_delivery_age"]), FRESH, "a new look")

    status, found = health(server)
    assert status == 200
    assert 90 <= found["oldest_due_delivery_age"] < 100


def test_head_gets_the_status_alone(server: Server, engine: Engine) -> None:
    tick(engine, timedelta(0))

    wait_until(lambda: server.get("/healthz", "HEAD") == (200, b""), FRESH, "a new look")


def test_after_an_error_that_nobody_thought_of_it_looks_again(
    ping_database: str, engine: Engine
) -> None:
    tick(engine, timedelta(0))
    line = Line("health", ping_database, pre_ping=True)
    errors = [RuntimeError("can't start new thread")]

    def fail_once(*_: object) -> None:
        if errors:
            raise errors.pop()

    event.listen(line.engine, "checkout", fail_once)

    async def statuses() -> list[int]:
        app = HealthApp(line, needs_detector=True)
        seen: list[int] = []

        async def send(message: Message) -> None:
            seen.append(message.get("status", 0))

        async def look() -> int:
            seen.clear()
            await app({"method": "HEAD"}, never, send)
            return seen[0]

        found = [await look()]
        end = time.monotonic() + FRESH
        while found[-1] == 503 and time.monotonic() < end:
            found.append(await look())
            await asyncio.sleep(0.02)
        await app.close()
        return found

    first, *_, last = asyncio.run(statuses())

    assert (first, last) == (503, 200)


async def never() -> Message:
    raise AssertionError
