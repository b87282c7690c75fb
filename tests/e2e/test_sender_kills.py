"""`kill -9` of who sends, while it sends: every alert arrives, and next to none twice."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import text

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.forks import fork
from tests.e2e.mail_sink import MailSink, mail_sink
from tests.e2e.stack import Stack
from tests.waiting import wait_until

SEED = 20_261_121
OWNER = "owner@example.org"
INCIDENTS = 500
KILLS = 20
AT_WORK = 15  # kills that must find a mail under way
MOST_TWICE = 0.01 * INCIDENTS
WORKERS = 3
PAUSE = (0.02, 0.06)  # seconds that the mail server thinks about a mail
PATIENCE = 150.0  # seconds to settle: longer than a lease
PENDING = "SELECT count(*) FROM delivery WHERE state = 'pending'"


class Senders:
    """Some workers, each replaced when it is killed."""

    def __init__(self, stack: Stack, sink: MailSink, dice: random.Random) -> None:
        self._stack = stack
        self._sink = sink
        self._dice = dice
        self._ports: dict[int, BaseProcess] = {}  # of connections, which are kept
        self.running = [self._start() for _ in range(WORKERS)]

    def kill_one_at_work(self) -> bool:
        """Kill one while it sends; return whether the mail server was still at a mail of it."""
        found: list[BaseProcess] = []

        def look() -> bool:
            found[:] = self._at_work()
            return bool(found)

        wait_until(look, 60, "somebody to send", 0.0005)
        victim = self._dice.choice(found)
        victim.kill()
        under_way = any(self._ports.get(port) is victim for port in list(self._sink.thinking))
        victim.join(10)
        self.running.remove(victim)
        self.running.append(self._start())
        return under_way

    def end(self) -> None:
        """Kill them all."""
        for each in self.running:
            each.kill()
            each.join(10)

    def _start(self) -> BaseProcess:
        return fork(self._stack.environment, self._stack.log, "worker")

    def _at_work(self) -> list[BaseProcess]:
        thinking = list(self._sink.thinking)
        if any(port not in self._ports for port in thinking):
            self._ports = {port: each for each in self.running for port in ports(each)}
            return []
        found = {self._ports[port] for port in thinking}
        return [each for each in self.running if each in found]


def ports(process: BaseProcess) -> set[int]:
    """Return its ends of the connections of a process."""
    try:
        found = psutil.Process(process.pid).net_connections("tcp4")
    except psutil.NoSuchProcess:
        return set()
    return {each.laddr.port for each in found}


@contextmanager
def installation(place: Path, sink: MailSink) -> Iterator[Stack]:
    """Run what takes pings, and a beat; who sends is started apart."""
    with (
        EmbeddedPostgres(place / "postgres") as postgres,
        EmbeddedValkey(place / "valkey") as valkey,
    ):
        settings = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "a secret that is long enough",
            "SMTP_URL": sink.url,
        }
        stack = Stack(place, settings)
        stack.command("db", "upgrade")
        stack.add_account(OWNER)
        stack.tell_each_alone()
        try:
            stack.start("ingest")
            with stack.another("beat"):
                yield stack
        finally:
            stack.stop()


def fail(stack: Stack, key: str, numbers: range) -> None:
    """Let jobs say that they failed, each for the first time."""
    with requests.Session() as session:
        for number in numbers:
            url = f"{stack.url}/ping/{key}/job-{number:03}/fail?create=1"
            answer = session.post(url, timeout=10)
            assert answer.status_code == requests.codes.created, answer.text


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killing_senders_while_they_send_loses_no_alert_and_repeats_next_to_none(
    tmp_path: Path,
) -> None:
    thinking = random.Random(SEED)
    with (
        mail_sink(lambda: thinking.uniform(*PAUSE)) as sink,
        installation(tmp_path, sink) as stack,
    ):
        with stack.database() as engine, engine.connect() as connection:
            key = connection.scalar(text("SELECT ping_key FROM workspace"))
        senders = Senders(stack, sink, random.Random(SEED))
        at_work = 0
        try:
            for number in range(KILLS):
                share = range(INCIDENTS * number // KILLS, INCIDENTS * (number + 1) // KILLS)
                fail(stack, str(key), share)
                at_work += senders.kill_one_at_work()
            wait_until(lambda: stack.count(PENDING) == 0, PATIENCE, "all to be sent", 0.5)
        finally:
            senders.end()

    assert at_work >= AT_WORK
    assert_all_told(sink)


def assert_all_told(sink: MailSink) -> None:
    """Each job was told of, and whoever was told twice can see that it is the same."""
    ids = Counter(mail.id for mail in sink.mails)
    names = {mail.id: mail.subject for mail in sink.mails}
    told = Counter(names.values())
    assert {name.split()[0] for name in told} == {f"job-{n:03}" for n in range(INCIDENTS)}
    assert len(ids) == INCIDENTS, "a repeat with another Message-ID"
    assert sum(count > 1 for count in ids.values()) <= MOST_TWICE
    assert max(ids.values()) <= 2
