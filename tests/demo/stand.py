"""The processes of the demo: a Stripe without money, and Earlywatch beside it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.clock import utcnow
from earlywatch.embedded import EmbeddedPostgres, process
from earlywatch.errors import EarlywatchError
from tests.demo import seed
from tests.demo.seed import Pulse
from tests.waiting import free_port

ROOT = Path(__file__).parent.parent.parent
# Nothing else of the environment: a real database, mail server or Stripe may stand in it.
KNOWN = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "TMPDIR")
STRIPE_KEY, WEBHOOK_SECRET = "sk_test_earlywatch", "whsec_earlywatch"
START, STOP = 90.0, 30.0  # seconds; the first start of a machine makes a database
GLANCE = 0.1  # seconds
LAST_LINES = 30


class DemoError(EarlywatchError):
    """The demo cannot go on; the text says why."""


class Stand:
    """Everything the demo starts, in a directory of its own. Use it from the main thread."""

    def __init__(self, directory: Path, port: int, stopping: Callable[[], bool]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.stripe_url = f"http://127.0.0.1:{free_port()}"
        self._data, self._log = directory / "var", directory / "log.txt"
        self._stopping = stopping
        self._children: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **{name: os.environ[name] for name in KNOWN if name in os.environ},
            "PORT": str(port),
            "EARLYWATCH_DATA_DIR": str(self._data),
            "MAIL_FROM": "Earlywatch <alerts@earlywatch.test>",
            "OPERATOR_EMAILS": seed.EMAIL,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.stripe_url,
        }

    def start(self) -> list[Pulse]:
        """Start everything and fill it; return what must be pinged. Raises EarlywatchError."""
        port, hook = self.stripe_url.rpartition(":")[2], f"{self.url}/webhooks/stripe"
        to = ("--webhook-url", hook, "--webhook-secret", WEBHOOK_SECRET)
        self._spawn("-m", "tests.fakes.stripe", "--port", port, *to)
        self._spawn("-m", "earlywatch", "up")
        self._wait_for("Stripe's stand-in", self.stripe_url, 404)
        # The webhook's address was told to the stand-in above, with its secret.
        set_up(Stripe(STRIPE_KEY, self.stripe_url, tax=False, promotions=False), None)
        self._wait_for("Earlywatch", f"{self.url}/healthz", 200)
        return [] if self._stopping() else self._fill()

    def check(self) -> None:
        """Raise DemoError if a process has ended by itself."""
        for child in self._children:
            if child.poll() is not None:
                raise DemoError(f"A process of the demo ended by itself. {self._last_words()}")

    def stop(self) -> None:
        """End every process that was started here, by its process id, newest first."""
        for child in reversed(self._children):
            process.stop(child, signal.SIGTERM, STOP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(self, *words: str) -> None:
        with self._log.open("ab") as log:
            child = process.spawn(
                [sys.executable, *words],
                death_signal=signal.SIGTERM,
                cwd=ROOT,
                env=self._environment,
                output=log,
            )
        self._children.append(child)

    def _wait_for(self, what: str, url: str, status: int) -> None:
        """Wait until an address answers with this status."""
        end = time.monotonic() + START
        while not self._stopping() and _status(url) != status:
            self.check()
            if time.monotonic() > end:
                raise DemoError(f"{what} did not answer in {START:.0f} s. {self._last_words()}")
            time.sleep(GLANCE)

    def _fill(self) -> list[Pulse]:
        engine = create_engine(EmbeddedPostgres(self._data / "postgres").url)
        try:
            with Session(engine) as session:
                pulses = seed.seed(session, utcnow())
                session.commit()
        finally:
            engine.dispose()
        return pulses

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "It said last:\n" + "\n".join(lines)


def _status(url: str) -> int | None:
    try:
        return requests.get(url, timeout=5, proxies={"http": ""}).status_code
    except requests.RequestException:
        return None
