"""A row that somebody holds is a matter of one monitor: its pings wait, the others do not."""

import asyncio
import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.line import Line
from earlywatch.ingest.store import store
from earlywatch.models import Incident, Monitor, Ping
from earlywatch.services.incoming import IncomingPing, Outcome
from tests.builders import make_channel, make_monitor, make_workspace
from tests.serving import Server, add_monitors, monitor_of
from tests.waiting import wait_until

PROMPT = 0.5  # seconds; a ping that waits for a lock of several seconds takes longer
ROUNDS = 40
Behind = Callable[[str], Future[int]]
ROW = "SELECT 1 FROM monitor WHERE ping_key = :key FOR UPDATE"


@pytest.fixture(scope="module")
def server(ping_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, so that all pings go through one queue."""
    log = tmp_path_factory.mktemp("locks") / "log.txt"
    with Server("ingest_app", ping_database, log, workers=1) as server:
        yield server


@contextmanager
def held(engine: Engine, statement: str = ROW, **values: object) -> Iterator[None]:
    """Hold what `statement` locks."""
    with engine.connect() as holder:
        holder.execute(text(statement), values)
        yield


@pytest.fixture
def behind(server: Server) -> Iterator[Behind]:
    """Send a ping in the background; the status of its answer comes later."""
    with ThreadPoolExecutor() as pool:
        yield lambda path: pool.submit(lambda: server.get(path)[0])


def slowest(server: Server, paths: list[str], rounds: int = ROUNDS) -> float:
    """Ping in turns on one connection, all answered 200; return the longest wait in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    longest = 0.0
    for path in paths * rounds:
        start = time.monotonic()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        longest = max(longest, time.monotonic() - start)
    connection.close()
    return longest


def stored(engine: Engine, key: UUID) -> list[str]:
    """Return the messages of a monitor's pings, in the order in which they were stored."""
    query = select(Ping.message).join(Monitor).where(Monitor.ping_key == key).order_by(Ping.id)
    with Session(engine) as session:
        return [message or "" for message in session.scalars(query)]


def test_the_pings_of_other_monitors_do_not_wait_for_a_locked_one(
    server: Server, engine: Engine, behind: Behind
) -> None:
    locked, *free = add_monitors(engine, 4)
    with held(engine, key=locked):
        waiting = behind(f"/ping/{locked}")
        start, longest = time.monotonic(), 0.0
        while time.monotonic() - start < 3:
            longest = max(longest, slowest(server, [f"/ping/{key}" for key in free], 10))

        assert not waiting.done()
        assert longest < PROMPT
        assert stored(engine, locked) == []

    assert waiting.result() == 200
    assert monitor_of(engine, locked).status == "up"


def test_a_lock_of_minutes_refuses_the_pings_of_its_monitor_alone(
    server: Server, engine: Engine, behind: Behind
) -> None:
    locked, free = add_monitors(engine, 2)
    with held(engine, key=locked):
        waiting = behind(f"/ping/{locked}")
        while not waiting.done():
            assert slowest(server, [f"/ping/{free}"], 10) < PROMPT

        assert waiting.result() == 503

    assert server.get(f"/ping/{locked}") == (200, b"OK")


def test_a_key_that_nobody_has_is_not_taken_for_a_locked_one(
    server: Server, engine: Engine, behind: Behind
) -> None:
    [locked] = add_monitors(engine)
    unknown = UUID(int=locked.int ^ 1)
    with held(engine, key=locked):
        waiting = behind(f"/ping/{locked}")
        start = time.monotonic()
        assert server.get(f"/ping/{unknown}") == (404, b"not found")
        assert time.monotonic() - start < PROMPT
        assert not waiting.done()

    assert waiting.result() == 200


def test_pings_of_a_locked_monitor_are_stored_in_the_order_in_which_they_came(
    ping_database: str, engine: Engine
) -> None:
    locked, free = add_monitors(engine, 2)

    def ping(key: UUID, name: str) -> IncomingPing:
        return IncomingPing(key, PingKind.LOG, utcnow(), "GET", "http", message=name)

    async def use(batcher: Batcher) -> None:
        batcher.start()
        waiting = []
        with held(engine, key=locked):
            for n in range(0, 300, 2):
                waiting.append(batcher.submit(ping(locked, str(n))))
                waiting.append(batcher.submit(ping(locked, str(n + 1))))
                assert await batcher.submit(ping(free, "")) is Outcome.RECORDED
        waiting += [batcher.submit(ping(locked, str(300 + n))) for n in range(100)]
        assert set(await asyncio.gather(*waiting)) == {Outcome.RECORDED}
        await batcher.close()

    asyncio.run(use(Batcher(Line("pings", ping_database, pre_ping=False))))

    assert stored(engine, locked) == [str(n) for n in range(400)]


def test_a_locked_table_makes_pings_wait_and_refuses_none(
    server: Server, engine: Engine, behind: Behind
) -> None:
    keys = add_monitors(engine, 8)
    with held(engine, "LOCK TABLE monitor IN ACCESS EXCLUSIVE MODE"):
        answers = [behind(f"/ping/{key}") for key in keys]
        wait_until(lambda: server.log.read_text().count("tables are locked") > 5, 10, "some tries")

    assert [answer.result() for answer in answers] == [200] * len(keys)


def test_a_locked_channel_delays_the_pings_that_tell_it_something_and_no_others(
    server: Server, engine: Engine, behind: Behind
) -> None:
    with Session(engine) as session:
        workspace = make_workspace(session)
        channel = make_channel(session, workspace)
        failing = make_monitor(session, workspace, channels=[channel]).ping_key
        session.commit()
        channel_id = channel.id
    [free] = add_monitors(engine)
    lock = "SELECT 1 FROM channel WHERE id = :id FOR UPDATE"
    with held(engine, lock, id=channel_id):
        waiting = behind(f"/ping/{failing}/fail")
        assert slowest(server, [f"/ping/{free}"]) < PROMPT
        assert server.get(f"/ping/{free}/fail") == (200, b"OK")
        assert not waiting.done()

    assert waiting.result() == 200
    with Session(engine) as session:
        [incident] = session.scalars(
            select(Incident).join(Incident.monitor).where(Monitor.ping_key == failing)
        )
    assert incident.cause == "failed"


def test_a_bad_ping_among_locked_ones_is_found_and_nobody_overtakes(
    ping_database: str, engine: Engine, poisoned: UUID
) -> None:
    locked, free = add_monitors(engine, 2)
    keys = [free, locked, poisoned, free, locked, free, locked]
    pings = [IncomingPing(key, PingKind.LOG, utcnow(), "GET", "http") for key in keys]
    line = Line("pings", ping_database, pre_ping=False)

    with held(engine, key=locked):
        outcomes = store(line.engine, pings)

    line.close()
    wanted = {free: Outcome.RECORDED, locked: Outcome.LOCKED, poisoned: None}
    assert outcomes == [wanted[key] for key in keys]
