"""Pings that cost much, monitors they make: once, whoever asks, and whatever else goes wrong."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.line import Line
from earlywatch.ingest.store import store
from earlywatch.models import Monitor, Workspace
from earlywatch.services.incoming import ByName, IncomingPing, Name, Outcome
from tests.builders import make_monitor, make_workspace
from tests.ingest.test_locks import held
from tests.services.pinging import DAILY
from tests.serving import add_monitors

WORKSPACE = "SELECT 1 FROM workspace WHERE id = :id FOR UPDATE"
PROCESSES, EACH = 2, 20


@pytest.fixture
def workspace(engine: Engine) -> Workspace:
    """An empty workspace."""
    with Session(engine, expire_on_commit=False) as session:
        workspace = make_workspace(session)
        session.commit()
        return workspace


def ping(name: Name, kind: PingKind = PingKind.SUCCESS) -> IncomingPing:
    return IncomingPing(name, kind, utcnow(), "GET", "http", wish=DAILY)


def monitors(engine: Engine, workspace: Workspace) -> int:
    query = select(func.count()).select_from(Monitor).filter_by(workspace_id=workspace.id)
    with Session(engine) as session:
        return session.scalar(query) or 0


def test_two_processes_that_are_asked_for_one_name_make_one_monitor(
    ping_database: str, engine: Engine, workspace: Workspace
) -> None:
    name = ByName(workspace.ping_key, "backup")

    async def use(batchers: list[Batcher]) -> list[object]:
        for batcher in batchers:
            batcher.start()
        told = await asyncio.gather(*[b.submit(ping(name)) for b in batchers * EACH])
        for batcher in batchers:
            await batcher.close()
        return list(told)

    lines = [Line("pings", ping_database, pre_ping=False) for _ in range(PROCESSES)]
    told = asyncio.run(use([Batcher(line) for line in lines]))

    assert monitors(engine, workspace) == 1
    assert told.count(Outcome.CREATED) == 1
    assert told.count(Outcome.RECORDED) == PROCESSES * EACH - 1


def test_all_of_many_failures_at_once_are_recorded_in_the_end(
    ping_database: str, engine: Engine
) -> None:
    pings = [ping(key, PingKind.FAIL) for key in add_monitors(engine, 120)]

    async def use(batcher: Batcher) -> list[object]:
        batcher.start()
        told = await asyncio.gather(*[batcher.submit(each) for each in pings])
        await batcher.close()
        return list(told)

    told = asyncio.run(use(Batcher(Line("pings", ping_database, pre_ping=False))))

    assert told == [Outcome.RECORDED] * 120


def test_a_bad_ping_undoes_no_creation_of_its_batch(
    ping_database: str, engine: Engine, poisoned: UUID, workspace: Workspace
) -> None:
    a, b = (ByName(workspace.ping_key, slug) for slug in "ab")
    names: list[Name] = [a, poisoned, b, a]
    line = Line("pings", ping_database, pre_ping=False)

    outcomes = store(line.engine, [ping(name) for name in names])

    line.close()
    assert outcomes == [Outcome.CREATED, None, Outcome.CREATED, Outcome.RECORDED]
    assert monitors(engine, workspace) == 2


def test_what_needs_a_workspace_that_is_held_is_tried_again_and_nobody_waits_for_it(
    ping_database: str, engine: Engine, workspace: Workspace
) -> None:
    with Session(engine) as session:
        paused = make_monitor(session, workspace, status="paused", sticky_pause=False)
        sound = make_monitor(session, workspace)
        keys = paused.ping_key, sound.ping_key
        session.commit()
    pings = [ping(name) for name in (ByName(workspace.ping_key, "new"), *keys)]
    line = Line("pings", ping_database, pre_ping=False)

    with held(engine, WORKSPACE, id=workspace.id):
        meanwhile = store(line.engine, pings)
    afterwards = store(line.engine, pings[:2])

    line.close()
    assert meanwhile == [Outcome.LOCKED, Outcome.LOCKED, Outcome.RECORDED]
    assert afterwards == [Outcome.CREATED, Outcome.RECORDED]


def test_every_name_of_a_monitor_that_is_held_waits(
    ping_database: str, engine: Engine, workspace: Workspace
) -> None:
    old = UUID(int=workspace.id)
    with Session(engine) as session:
        until = utcnow() + timedelta(days=1)
        about = {"slug": "backup", "old_ping_key": old, "old_key_until": until}
        key = make_monitor(session, workspace, "backup", **about).ping_key  # type: ignore[arg-type]
        session.commit()
    pings = [ping(name) for name in (key, old, ByName(workspace.ping_key, "backup"))]
    line = Line("pings", ping_database, pre_ping=False)

    with held(engine, key=key):
        meanwhile = store(line.engine, pings)
    afterwards = store(line.engine, pings)

    line.close()
    assert meanwhile == [Outcome.LOCKED] * 3
    assert afterwards == [Outcome.RECORDED] * 3
