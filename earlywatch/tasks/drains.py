"""The threads of this process that send: few, and never all of them to one place."""

from collections import Counter
from collections.abc import Callable
from threading import BoundedSemaphore, Event, Lock, Thread
from time import monotonic

from flask import Flask, current_app

from earlywatch.tasks.outages import outlived

DRAINS = 8
MOST_PER_CHANNEL = 2  # attempts under way: a channel that hangs leaves the other drains free
CALM = 1.0  # seconds without another helper after one that found nothing to do


class Drains:
    """Starts threads that work until nothing is due.

    They are daemons: a process that ends while one of them waits for the outside world leaves a
    row whose lease ends, as a killed one does.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self.stopping = Event()
        self.claiming = Lock()  # from asking who is busy to counting what was taken
        self._work = work
        self._free = BoundedSemaphore(DRAINS)
        self._lock = Lock()
        self._under_way: Counter[int] = Counter()
        self._idle_at = -CALM

    def start_one(self) -> None:
        """Start a thread in the current application's context, unless all are at work."""
        if self.stopping.is_set() or not self._free.acquire(blocking=False):
            return
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        Thread(target=self._run, args=(app,), name="drain", daemon=True).start()

    def help(self) -> None:
        """Start another thread for what is due, unless one found nothing a moment ago."""
        if monotonic() - self._idle_at >= CALM:
            self.start_one()

    def note_idle(self) -> None:
        """Remember that nothing was left to do."""
        self._idle_at = monotonic()

    def stop(self, seconds: float) -> None:
        """Take nothing more, and wait so long for what is under way."""
        self.stopping.set()
        end = monotonic() + seconds
        for _ in range(DRAINS):
            self._free.acquire(timeout=max(0.0, end - monotonic()))

    def busy_channels(self) -> list[int]:
        """Return the channels that enough is under way to."""
        with self._lock:
            return [key for key, count in self._under_way.items() if count >= MOST_PER_CHANNEL]

    def count(self, channel_id: int, change: int) -> None:
        """Note that an attempt to a channel began (1) or ended (-1)."""
        with self._lock:
            self._under_way[channel_id] += change
            if not self._under_way[channel_id]:
                del self._under_way[channel_id]

    def _run(self, app: Flask) -> None:
        try:
            with outlived("deliver"), app.app_context():
                self._work()
        finally:
            self._free.release()
