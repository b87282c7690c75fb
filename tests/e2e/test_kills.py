"""Two minutes of `kill -9` at random: nothing that was promised is lost."""

import random
import threading
import time
from dataclasses import dataclass, field
from uuid import uuid4

import psutil
import pytest
import requests
from sqlalchemy import text

from earlywatch.domain.flapping import FLAPS
from tests.e2e.sinks import MAIL, Inbox
from tests.e2e.stack import Stack
from tests.waiting import wait_until

SEED = 20_261_120
LENGTH = 120.0  # seconds
OWNER = "owner@example.org"
MONITORS = 12
BETWEEN_KILLS = (0.5, 6.0)  # seconds
# Who is in trouble for the fifth time in an hour is told of once more, as one that comes and goes.
UNTOLD = """
    SELECT count(*) FROM (
        SELECT id, row_number() OVER (PARTITION BY monitor_id ORDER BY opened_at) AS nth
        FROM incident
    ) AS known
    WHERE nth < :flaps AND NOT EXISTS (
        SELECT FROM delivery WHERE incident_id = known.id AND alert = 'opened')
"""
# A first telling of what is over says both.
UNSENT = """
    SELECT count(*) FROM delivery LEFT JOIN delivery AS leader ON leader.id = delivery.leader_id
    WHERE delivery.state <> 'sent'
        AND (delivery.state <> 'merged' OR leader.state IS DISTINCT FROM 'sent')
"""
PATIENCE = 150.0  # seconds to settle: longer than a lease, a few retries and a restart


@dataclass
class Pinger:
    """A stream of pings with gaps, so that deadlines pass. Remembers what was answered 200."""

    urls: list[str]
    dice: random.Random
    accepted: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ping until stopped: most of the time one monitor after the other, some fall silent."""
        while not self.stopped.wait(self.dice.uniform(0.01, 0.2)):
            # The first half pings often; the others only now and then, and so become late.
            often = self.dice.random() < 0.95
            half = len(self.urls) // 2
            self._ping(self.dice.choice(self.urls[:half] if often else self.urls[half:]))

    def _ping(self, url: str) -> None:
        mark = uuid4().hex
        try:
            answer = requests.post(url, data=mark, timeout=10)
        except requests.RequestException:
            return
        assert answer.status_code in {200, 503}, answer.text
        if answer.status_code == 200:
            self.accepted.append(mark)


def kill_one(stack: Stack, dice: random.Random) -> None:
    """Kill any process of the installation; start it again when it was the first of all."""
    chosen = dice.choice(stack.processes() or [None])
    if chosen is None:
        return
    try:
        is_top = stack.process is not None and chosen.pid == stack.process.pid
        chosen.kill()
        if is_top:
            chosen.wait(10)
    except psutil.NoSuchProcess:
        return
    if is_top:
        assert stack.process is not None
        stack.process.wait(10)
        stack.start()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killing_every_process_at_random_loses_nothing(stack: Stack, inbox: Inbox) -> None:
    dice = random.Random(SEED)
    stack.add_account(OWNER)
    stack.tell_each_alone()
    urls = stack.make_monitors(MONITORS)
    pinger = Pinger(urls, random.Random(SEED))
    thread = threading.Thread(target=pinger.run)
    thread.start()

    end = time.monotonic() + LENGTH
    while time.monotonic() < end:
        time.sleep(dice.uniform(*BETWEEN_KILLS))
        kill_one(stack, dice)
    pinger.stopped.set()
    thread.join()
    stack.stop()
    stack.start()

    pending = "SELECT count(*) FROM delivery WHERE state = 'pending'"
    overdue = "SELECT count(*) FROM monitor WHERE deadline_at < now()"
    wait_until(
        lambda: stack.count(pending) + stack.count(overdue) == 0, PATIENCE, "all to be sent", 1.0
    )
    assert_nothing_lost(stack, pinger.accepted, inbox)


def assert_nothing_lost(stack: Stack, accepted: list[str], inbox: Inbox) -> None:
    """Compare what was promised with what is in the database and in the mailbox."""
    with stack.database() as engine, engine.connect() as connection:
        stored = set(connection.scalars(text("SELECT convert_from(body, 'UTF8') FROM ping")))
        untold = connection.scalar(text(UNTOLD), {"flaps": FLAPS})
        ids = set(
            connection.scalars(text("SELECT public_id::text FROM delivery WHERE state = 'sent'"))
        )
        unsent = connection.scalar(text(UNSENT))
        incidents = connection.scalar(text("SELECT count(*) FROM incident"))
    mailed = {mail.id for mail in inbox.received if mail.path == MAIL}
    assert len(accepted) > 100
    assert incidents is not None
    assert incidents > MONITORS // 2
    assert set(accepted) <= stored
    assert untold == 0
    assert unsent == 0
    missing = [one for one in ids if not any(one in message_id for message_id in mailed)]
    assert missing == []
