"""`make demo` for real: a newcomer subscribes, pauses and cancels in a minute; nothing is left."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import psutil
import pytest

from tests.demo.seed import EMAIL
from tests.demo.stand import KNOWN
from tests.e2e.person import Page, Person, _values
from tests.waiting import free_port, wait_until

ROOT = Path(__file__).parent.parent
READY, PATIENCE = 90.0, 30.0  # seconds, on a machine busy with other tests
A_MINUTE = 60.0
ALERTS = {"offsite backup is late", "certificate renewal failed"}
STATES = ("Up", "Due", "Late", "Failed", "Running", "Paused", "Frozen", "New")


class Demo:
    """A running demo and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def said(self) -> str:
        """All that it printed so far."""
        return "".join(self.lines)

    @property
    def url(self) -> str:
        """Where it says that the site is."""
        found = re.search(r"is ready: (\S+)", self.said)
        assert found
        return found[1]

    def end(self) -> int:
        """Press Ctrl-C; return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(READY)
        self._reader.join()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))


@contextmanager
def demo(place: Path, port: str = "") -> Iterator[Demo]:
    """Run the demo on free ports, with its directory in `place`."""
    known = {name: os.environ[name] for name in KNOWN if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo"],
        env={**known, "PORT": port or str(free_port()), "TMPDIR": str(place)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = Demo(process)
    try:
        yield started
    finally:
        started.end()


def press(person: Person, page: Page, words: str, **fields: str) -> Page:
    """Press the button of a page that says `words`, with these fields filled in."""
    for form in page.forms():
        for button in form.iter("button"):
            if words in " ".join("".join(button.itertext()).split()):
                chosen = {button.get("name", ""): button.get("value", "")}
                data = {**_values(form), **chosen, **fields}
                target = urljoin(page.url, form.get("action") or page.url)
                return person._page(person._session.post(target, data, timeout=PATIENCE))
    raise AssertionError(f"no button says {words!r}: {page.text}")


def subscribe(person: Person, dollars: str) -> Page:
    """Become a supporter with the card that works; return the page that knows it."""
    shop = press(person, person.open("/pricing"), "Subscribe for this amount", amount=dollars)
    back = press(person, shop, f"Pay ${dollars}.00", card="4242 4242 4242 4242").url
    end = time.monotonic() + PATIENCE
    while "You are a Supporter now" not in (page := person.open(back)).text:
        assert time.monotonic() < end, page.text
        time.sleep(0.2)
    return page


@pytest.mark.slow
@pytest.mark.timeout(240)
def told(person: Person) -> set[str]:
    """Return which of the alerts are in the mailbox."""
    mailbox = person.open("/mailbox").text
    return {alert for alert in ALERTS if alert in mailbox}


def test_a_newcomer_subscribes_pauses_and_cancels_in_a_minute(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        wait_until(lambda: "Stop with Ctrl-C" in running.said, READY, "the demo to be ready")
        children = psutil.Process(running.process.pid).children(recursive=True)
        person = Person(running.url)
        begun = time.monotonic()
        person.sign_in(EMAIL)
        monitors = person.open("/monitors").text
        subscribe(person, "7")
        pause = person.open("/billing/pause")
        paused = press(person, pause, "Pause for 3 months")
        cancelled = press(person, person.open("/billing/cancel"), "Cancel now")
        spent = time.monotonic() - begun
        wait_until(lambda: told(person) >= ALERTS, 30, "the alerts")
        status = running.end()

    assert [state for state in STATES if f"</svg>{state}<" not in monitors] == []
    assert "Supporter is paused until" in paused.text
    assert "You have Free, and pay nothing" in cancelled.text
    assert spent < A_MINUTE
    assert status == 0
    assert [child for child in children if child.is_running()] == []
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with demo(tmp_path, port) as running:
            status = running.process.wait(PATIENCE)
            running.end()

    assert status == 1
    assert running.lines[-1].startswith(f"Error: Port {port} cannot be used")
