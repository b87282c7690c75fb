"""`/healthz`: what load balancers and people see."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from earlywatch import __version__
from earlywatch.clock import utcnow
from earlywatch.models import Delivery, Tick
from tests.builders import make_delivery
from tests.serving import Server
from tests.waiting import wait_until

FRESH = 3.0  # seconds after which a new look must have been taken


@pytest.fixture(scope="module")
def ingest(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, since each gives its last answer again for a second."""
    log = tmp_path_factory.mktemp("health") / "log.txt"
    with Server("ingest_app", ping_database, log, workers=1) as server:
        yield server


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


def test_all_is_well_while_the_detector_ticks(ingest: Server, engine: Engine) -> None:
    start = utcnow()
    tick(engine, timedelta(seconds=2))

    wait_until(lambda: health(ingest)[0] == 200, FRESH, "a new look")

    _, found = health(ingest)
    since_tick = 2 + (utcnow() - start).total_seconds()
    assert (found["status"], found["database"], found["version"]) == ("ok", "ok", __version__)
    assert 2 <= found["last_tick_age"] <= since_tick
    assert found["oldest_due_delivery_age"] is None


def test_an_old_tick_is_a_reason_to_worry(ingest: Server, engine: Engine) -> None:
    tick(engine, timedelta(seconds=31))

    wait_until(lambda: (health(ingest)[1]["last_tick_age"] or 0) > 30, FRESH, "a new look")

    status, found = health(ingest)
    assert (status, found["status"]) == (503, "ill")


def test_a_detector_that_never_ran_is_a_reason_to_worry(ingest: Server) -> None:
    wait_until(lambda: health(ingest)[1]["last_tick_age"] is None, FRESH, "a new look")

    assert health(ingest)[0] == 503


def test_the_oldest_delivery_that_is_due_is_told(ingest: Server, engine: Engine) -> None:
    tick(engine, timedelta(0))
    with Session(engine) as session:
        for seconds in (-60, 90, 7):
            make_delivery(session, now=utcnow() - timedelta(seconds=seconds))
        session.commit()

    wait_until(lambda: bool(health(ingest)[1]["oldest_due_delivery_age"]), FRESH, "a new look")

    status, found = health(ingest)
    assert status == 200
    assert 90 <= found["oldest_due_delivery_age"] < 100


def test_head_gets_the_status_alone(ingest: Server, engine: Engine) -> None:
    tick(engine, timedelta(0))

    wait_until(lambda: ingest.get("/healthz", "HEAD") == (200, b""), FRESH, "a new look")
