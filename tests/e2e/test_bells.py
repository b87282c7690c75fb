"""Valkey is only the doorbell: killed, wiped, frozen or cut off, it costs nothing but time.

The same for the way to the database. One installation, whose servers are reached over TCP.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis
import requests
from sqlalchemy import text

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.mail_sink import MailSink, mail_sink
from tests.e2e.proxy import Proxy, proxy
from tests.e2e.stack import Stack, running
from tests.waiting import wait_until

OWNER = "owner@example.org"
RECOVERY = 60.0  # seconds
FROZEN = 60.0  # seconds
SMALL = 6  # incidents at a time

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class House:
    """An installation, the servers that it needs, and the ways to them."""

    def __init__(self, place: Path, opened: ExitStack) -> None:
        self.postgres = opened.enter_context(EmbeddedPostgres(place / "postgres"))
        self.valkey = opened.enter_context(EmbeddedValkey(place / "valkey"))
        self.to_postgres: Proxy = opened.enter_context(proxy(self.postgres.socket_path))
        self.to_valkey: Proxy = opened.enter_context(proxy(self.valkey.socket_path))
        self.sink: MailSink = opened.enter_context(mail_sink())
        settings = {
            "DATABASE_URL": f"postgresql://earlywatch@127.0.0.1:{self.to_postgres.port}/earlywatch",
            "REDIS_URL": f"redis://127.0.0.1:{self.to_valkey.port}/0",
            "SECRET_KEY": "a secret that is long enough",
            "SMTP_URL": self.sink.url,
        }
        self.stack: Stack = opened.enter_context(running(place, settings))
        self._numbers = count()
        self.stack.add_account(OWNER)
        self.stack.tell_each_alone()
        with self.stack.database() as engine, engine.connect() as connection:
            self._key = connection.scalar(text("SELECT ping_key FROM workspace"))

    def fail(self, most: int = SMALL) -> list[str]:
        """Let some new jobs say that they failed; return the names of those we answered."""
        names = [f"job-{next(self._numbers):03}" for _ in range(most)]
        return [name for name in names if self._fails(name)]

    def fail_all(self) -> list[str]:
        """The same, once pings are taken again; a job tries again until it is answered."""
        names = [f"job-{next(self._numbers):03}" for _ in range(SMALL)]
        wait_until(lambda: self._fails(names[0]), RECOVERY, "a ping to be stored", 0.2)
        assert all(self._fails(name) for name in names[1:])
        return names

    def _fails(self, name: str) -> bool:
        url = f"{self.stack.url}/ping/{self._key}/{name}/fail?create=1"
        try:
            answer = requests.post(url, timeout=20)
        except requests.RequestException:
            return False
        return answer.status_code in (requests.codes.ok, requests.codes.created)

    def told(self, names: list[str]) -> bool:
        """Whether a mail came about each."""
        return all(self.sink.came(f"{name} ") for name in names)

    def wait_until_told(self, names: list[str]) -> None:
        """Wait for a mail about each, no longer than a recovery may take."""
        wait_until(lambda: self.told(names), RECOVERY, f"mails about {names}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation, which no test restarts."""
    with ExitStack() as opened:
        house = House(tmp_path_factory.mktemp("bells"), opened)
        yield house
        assert house.stack.deaths() == 0
        repeated = [name for name, times in house.sink.subjects().items() if times > 1]
        assert repeated == []


@contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """Let a process stand still meanwhile."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill_valkey(house: House) -> None:
    """Kill it without warning, and start another one after a while."""
    assert house.valkey.pid is not None
    os.kill(house.valkey.pid, signal.SIGKILL)
    wait_until(lambda: house.valkey.pid is None, 10, "Valkey to be dead")
    assert house.fail(), "pings need no Valkey"
    house.valkey.stop()
    house.valkey.start()


def wipe_valkey(house: House) -> None:
    """Take away everything that it knows, again and again for a while."""
    with redis.Redis.from_url(house.valkey.client_url) as client:
        for _ in range(50):
            client.flushall()
            sleep(0.02)


def cut_valkey(house: House) -> None:
    """Let all connections to it lead nowhere."""
    assert house.to_valkey.cut() > 0


def restart_postgres(house: House) -> None:
    """Stop the database and start it again."""
    house.postgres.stop()
    house.postgres.start()


def cut_postgres(house: House) -> None:
    """Let all connections to it lead nowhere."""
    assert house.to_postgres.cut() > 0


@pytest.mark.parametrize(
    "trouble", [kill_valkey, wipe_valkey, cut_valkey, restart_postgres, cut_postgres]
)
def test_everything_recovers_without_a_restart(
    house: House, trouble: Callable[[House], None]
) -> None:
    before = house.fail()

    trouble(house)
    began = monotonic()
    meanwhile = house.fail()
    afterwards = house.fail_all()

    house.wait_until_told([*before, *meanwhile, *afterwards])
    assert monotonic() - began < RECOVERY


def test_a_valkey_that_stands_still_for_a_minute_holds_alerts_no_longer(house: House) -> None:
    with frozen(house.valkey.pid):
        meanwhile = house.fail()
        assert len(meanwhile) == SMALL, "pings need no Valkey"
        sleep(FROZEN)

    house.wait_until_told([*meanwhile, *house.fail_all()])
