"""A thousand jobs that ping every minute, from outside, by a clock that nobody sets."""

import contextlib
import heapq
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.e2e.timewarp import Clock

PERIOD = 60.0  # seconds, as jobs count them
GRACE = 30.0
AT_ONCE = 8  # requests
LOOK = 0.01  # real seconds
PATIENCE = 5.0  # real seconds for an answer
TRIES = 3  # a connection that was kept may be closed in the moment of a ping
LAG = 5.0  # seconds behind, from which on the clock must not hurry: the machine is busy
TOO_QUICK = 10.0  # a rate with which nobody is meant to keep up


@dataclass
class Jobs:
    """Each pings on its own minute, whatever the answer, until it stops."""

    url: str
    clock: Clock
    due: list[tuple[float, str]] = field(default_factory=list)  # a heap
    stopping: dict[str, float] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)  # the first ping that did not come
    ended: threading.Event = field(default_factory=threading.Event)

    def make(self, names: Sequence[str]) -> None:
        """Let jobs ping for the first time, which makes their monitors, and then in turns."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._make, names))
        began, apart = self.clock.elapsed(), PERIOD / len(names)
        self.due = [(began + apart * number, name) for number, name in enumerate(names)]

    def _make(self, name: str) -> None:
        url = f"{self.url}/{name}?create=1&period={PERIOD:.0f}s&grace={GRACE:.0f}s"
        while not requests.post(url, timeout=30).ok:
            pass  # as a job does that tries again

    def stop_at(self, name: str, moment: float) -> None:
        """Let a job stop at a moment of `clock.elapsed()`."""
        self.stopping[name] = moment

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let all ping meanwhile."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self.ended.wait(LOOK):
                while self.due[0][0] <= self.clock.elapsed() and not self.ended.is_set():
                    self._turn(session)
                    behind = self.clock.elapsed() - self.due[0][0] > LAG
                    self.clock.held = behind and self.clock.rate <= TOO_QUICK
                self.clock.held = False

    def _turn(self, session: requests.Session) -> None:
        due, name = self.due[0]
        if due >= self.stopping.get(name, due + 1):
            heapq.heappop(self.due)
            self.missing[name] = due
            return
        for _ in range(TRIES):
            with contextlib.suppress(requests.RequestException):
                if session.post(f"{self.url}/{name}", timeout=PATIENCE).ok:
                    break
        while due <= self.clock.elapsed():
            due += PERIOD
        heapq.heapreplace(self.due, (due, name))
