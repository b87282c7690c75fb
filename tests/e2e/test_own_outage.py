"""An outage of our own is no outage of the customers', nor is a clock that was set.

Real processes, whose wall clock the test moves and lets run quickly; the jobs do not care.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.jobs import GRACE, PERIOD, Jobs
from tests.e2e.mail_sink import mail_sink
from tests.e2e.proxy import proxy
from tests.e2e.stack import Stack
from tests.e2e.timewarp import Clock
from tests.waiting import wait_until

OWNER = "owner@example.org"
MONITORS = 1_000
STOP = 20  # of them, in the outage
MINUTE = 60.0  # seconds
LENGTH = 10 * MINUTE
NO_BEAT = 5 * MINUTE
RATE = 5.0  # of time, while jobs are heard
QUICK = 60.0  # while nobody is heard anyway
TICK = 20.0  # seconds of the quick clock: until a round of the detector came and went
RECOVERY = 60.0  # real seconds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class House:
    """An installation with a clock of its own, the jobs, and the way from them to it."""

    def __init__(self, place: Path, opened: ExitStack) -> None:
        self.clock = Clock(place)
        postgres = opened.enter_context(EmbeddedPostgres(place / "postgres"))
        valkey = opened.enter_context(EmbeddedValkey(place / "valkey"))
        self.sink = opened.enter_context(mail_sink())
        settings = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "a secret that is long enough",
            "SMTP_URL": self.sink.url,
            "CANARY": "true",
        }
        self.stack = Stack(place, {**settings, **self.clock.environment})
        self.door = opened.enter_context(proxy(self.stack.port))
        public = f"http://127.0.0.1:{self.door.port}/ping"
        self.stack.environment["PING_BASE_URL"] = public
        opened.callback(self.stack.stop)
        self.stack.start()
        self.stack.add_account(OWNER)
        self.stack.tell_each_alone()
        with self.stack.database() as engine, engine.connect() as connection:
            members = "SELECT ping_key FROM workspace WHERE id IN (SELECT workspace_id FROM member)"
            key = connection.scalar(text(members))
        self.jobs = Jobs(f"{public}/{key}", self.clock)

    def pass_time(self, seconds: float) -> None:
        """Wait until so much of the quick time has passed."""
        end = self.clock.elapsed() + seconds
        wait_until(lambda: self.clock.elapsed() >= end, seconds + 10, "time to pass")

    def incidents(self) -> dict[str, datetime]:
        """Return who was ever in trouble, and when we noticed (UTC)."""
        query = text(
            "SELECT monitor.name, incident.noticed_at FROM incident"
            " JOIN monitor ON monitor.id = incident.monitor_id ORDER BY incident.id"
        )
        with self.stack.database() as engine, engine.connect() as connection:
            rows = connection.execute(query).all()
        assert len({name for name, _ in rows}) == len(rows), "an incident twice"
        return {str(name): noticed_at for name, noticed_at in rows}

    def judges(self) -> bool:
        """Whether a round of the detector ended a moment ago."""
        with self.stack.database() as engine, engine.connect() as connection:
            query = text("SELECT ticked_at FROM tick WHERE name = 'detect'")
            ticked_at = connection.scalar(query)
        assert isinstance(ticked_at, datetime)
        return abs(self.clock.now() - ticked_at) < timedelta(seconds=5)

    def outages(self) -> list[float]:
        """Return the length of each outage of ours, in seconds, as we wrote it down."""
        query = text("SELECT extract(epoch FROM ended_at - began_at) FROM outage ORDER BY id")
        with self.stack.database() as engine, engine.connect() as connection:
            return [float(length) for length in connection.scalars(query)]

    def forget(self) -> None:
        """Begin anew: without what was told, and without those that stopped."""
        with self.stack.database() as engine, engine.begin() as connection:
            connection.execute(text("DELETE FROM monitor WHERE status IN ('late', 'failed')"))
        self.sink.mails.clear()

    def fail(self) -> str:
        """Let a job say that it failed, and never ping again; return its name."""
        [name] = self.stop_some(0.0, 0.0, 1)
        assert requests.post(f"{self.jobs.url}/{name}/fail", timeout=20).ok
        return name

    def stop_some(self, begin: float, end: float, most: int) -> list[str]:
        """Let some jobs stop, spread over what comes in so many seconds; return their names."""
        # The last ones first: none that is about to ping.
        due = [name for _, name in sorted(self.jobs.due, reverse=True)]
        free = [name for name in due if name not in self.jobs.stopping]
        names = free[:: len(free) // most][:most]
        for number, name in enumerate(names):
            moment = begin + (end - begin) * number / most
            self.jobs.stop_at(name, self.clock.elapsed() + moment)
        return names

    def assert_told_of(self, names: list[str]) -> None:
        """Just these are in trouble, and a mail came about each, and no other one."""
        wait_until(lambda: len(self.sink.mails) >= len(names), RECOVERY, "mails about those")
        assert set(self.incidents()) == set(names)
        assert {mail.subject.split()[0] for mail in self.sink.mails} == set(names)
        assert len(self.sink.mails) == len(names)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation, and a thousand jobs that ping it all the time."""
    with ExitStack() as opened:
        house = House(tmp_path_factory.mktemp("warp"), opened)
        opened.enter_context(house.clock.running())
        house.jobs.make([f"job-{number:03}" for number in range(MONITORS)])
        opened.enter_context(house.jobs.running())
        house.clock.rate = RATE
        house.pass_time(MINUTE)
        assert house.incidents() == {}
        yield house


@pytest.fixture(autouse=True)
def forgotten(house: House) -> Iterator[None]:
    """Leave to the next test nothing that was told, and none that stopped."""
    yield
    house.forget()


def test_ten_minutes_without_us_alarm_nobody_and_hide_nobody(house: House) -> None:
    clock = house.clock
    epoch = clock.now() - timedelta(seconds=clock.elapsed())
    house.door.shut()
    # Whose ping was due in its first minute may have been heard never or ten times.
    stopped = house.stop_some(PERIOD, LENGTH, STOP)
    clock.rate = QUICK
    house.pass_time(LENGTH - MINUTE)
    clock.rate = RATE
    house.pass_time(MINUTE)
    house.door.open()

    wait_until(lambda: len(house.incidents()) >= STOP, RECOVERY, "those that stopped", 0.2)
    house.pass_time(TICK)
    lengths = house.outages()
    assert LENGTH <= max(lengths) < LENGTH + MINUTE
    house.assert_told_of(stopped)
    for name, noticed_at in house.incidents().items():
        missed_at = epoch + timedelta(seconds=house.jobs.missing[name])
        assert noticed_at - missed_at <= timedelta(seconds=GRACE + sum(lengths) + TICK)


@pytest.mark.parametrize("jump", [LENGTH, -LENGTH], ids=["forward", "back"])
def test_a_clock_that_is_set_alarms_nobody_and_hides_nobody(house: House, jump: float) -> None:
    house.clock.rate = 1.0  # by how much it was set is seen by a clock that does not hurry
    house.clock.move(jump)
    failing, stopped = house.fail(), house.stop_some(0.0, 0.0, 1)

    wait_until(lambda: len(house.sink.mails) >= 1, RECOVERY, "the mail about who failed")
    wait_until(house.judges, RECOVERY, "a round of the detector", 0.1)
    house.clock.rate = RATE
    wait_until(lambda: len(house.incidents()) >= 2, RECOVERY, "the one that stopped", 0.2)
    house.pass_time(PERIOD + GRACE + TICK)
    house.assert_told_of([failing, *stopped])


def test_five_minutes_without_a_beat_cost_nothing_but_time(house: House) -> None:
    [beat] = [each for each in house.stack.processes() if each.name() == "beat"]
    beat.suspend()
    try:
        stopped = house.stop_some(0.0, 2 * MINUTE, 3)
        house.clock.rate = 2 * RATE
        house.pass_time(NO_BEAT)
        house.clock.rate = RATE
        assert house.incidents() == {}
    finally:
        beat.resume()

    wait_until(lambda: len(house.incidents()) >= len(stopped), RECOVERY, "those that stopped", 0.2)
    house.pass_time(PERIOD + GRACE + TICK)
    house.assert_told_of(stopped)
