"""A mail server that refuses, hangs or is busy: what it does not take then, it is given later."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest
import requests
from sqlalchemy import text

from tests.e2e.mail_sink import MailSink, Mood, mail_sink
from tests.e2e.stack import Stack, running
from tests.waiting import wait_until

OWNER = "owner@example.org"
RECOVERY = 60.0  # seconds
PATIENCE = 45.0  # seconds: an attempt may take 25
LASTS = 8.0  # seconds
FAILED = "SELECT count(*) FROM attempt WHERE NOT sent"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class House:
    """An installation and the mail server that it sends through."""

    def __init__(self, stack: Stack, sink: MailSink) -> None:
        self.stack = stack
        self.sink = sink
        stack.add_account(OWNER)
        stack.tell_each_alone()
        with stack.database() as engine, engine.connect() as connection:
            self._key = connection.scalar(text("SELECT ping_key FROM workspace"))

    def fail(self, *names: str) -> None:
        """Let new jobs say that they failed."""
        for name in names:
            url = f"{self.stack.url}/ping/{self._key}/{name}/fail?create=1"
            assert requests.post(url, timeout=20).status_code == requests.codes.created

    def wait_for_failures(self, count: int) -> None:
        """Wait until so many attempts have failed."""
        wait_until(lambda: self.stack.count(FAILED) >= count, PATIENCE, f"{count} failures", 0.1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The installation, which nobody restarts."""
    with mail_sink() as sink, running(tmp_path, {"SMTP_URL": sink.url}) as stack:
        yield House(stack, sink)


def test_a_mail_server_in_every_kind_of_trouble_gets_each_alert_once(house: House) -> None:
    sink = house.sink
    house.fail("fine")
    wait_until(lambda: len(sink.mails) == 1, RECOVERY, "a mail before the trouble")
    sink.shut()
    house.fail("refused")
    house.wait_for_failures(1)
    sink.mood = Mood.BUSY
    sink.open()
    house.fail("busy")
    house.wait_for_failures(2)
    sink.mood = Mood.SILENT
    house.fail("silent")
    house.wait_for_failures(3)
    sleep(LASTS)  # all wait for their second attempt

    sink.mood = Mood.FINE
    house.fail("afterwards")
    names = ("fine", "refused", "busy", "silent", "afterwards")
    wait_until(lambda: len(sink.mails) >= len(names), RECOVERY, "what was not taken")

    assert sorted(mail.subject.split()[0] for mail in sink.mails) == sorted(names)
    assert house.stack.deaths() == 0
