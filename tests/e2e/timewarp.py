"""A wall clock that a test may set, for our own processes alone: libfaketime."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.needs import missing

LIBRARY = "faketime/libfaketime.so.1"
PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
STEP = 0.02  # seconds between two moves of a clock that runs quickly

# While the monotonic clock is left alone, libfaketime 0.9.10 breaks `clock_nanosleep` to a moment,
# with which Python sleeps.
SLEEP = """\
import select
import time


def sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


time.sleep = sleep
"""


def find_library() -> Path:
    """Return where the library is; skip the test where it is not, but not in CI."""
    places = [found for place in map(Path, PLACES) for found in (place, *place.glob("*-linux-*"))]
    libraries = [place / LIBRARY for place in places if (place / LIBRARY).exists()]
    if not libraries:
        missing("libfaketime is not installed: apt-get install libfaketime")
    return libraries[0]


class Clock:
    """How far the wall clock of the processes that run in `environment` is ahead of ours."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.rate = 1.0
        self.held = False  # it does not hurry: somebody cannot keep up with it
        self._hurried = self._set = 0.0  # seconds
        self._writing = threading.Lock()
        (directory / "sitecustomize.py").write_text(SLEEP)
        self._write()
        self.environment = {
            "LD_PRELOAD": str(find_library()),
            "PYTHONPATH": str(directory),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else every thread that waits for the interpreter waits in a busy loop.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def now(self) -> datetime:
        """What the processes think it is (UTC)."""
        return datetime.now(UTC) + timedelta(seconds=self._hurried + self._set)

    def elapsed(self) -> float:
        """The seconds that went by, quick ones too, whatever the clock was set to."""
        return time.monotonic() + self._hurried

    def move(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self._set += seconds
        self._write()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let time run `rate` times as fast meanwhile, in small steps.

        libfaketime has rates, but with them Python's waits with a limit never end.
        """
        stopped = threading.Event()
        thread = threading.Thread(target=self._run, args=(stopped,))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _run(self, stopped: threading.Event) -> None:
        before = time.monotonic()
        while not stopped.wait(STEP):
            now = time.monotonic()
            self._hurried += 0.0 if self.held else (now - before) * (self.rate - 1)
            self._write()
            before = now

    def _write(self) -> None:
        with self._writing:
            draft = self._file.with_suffix(".new")
            draft.write_text(f"{self._hurried + self._set:+.3f}\n")
            draft.replace(self._file)
