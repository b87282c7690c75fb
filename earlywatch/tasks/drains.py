"""The threads of this process that send: few, and never all of them to one place."""

from collections import defaultdict
from collections.abc import Callable
from threading import BoundedSemaphore, Event, Lock, Thread
from time import monotonic

from flask import Flask, current_app

from earlywatch.tasks.outages import outlived

DRAINS = 8
MOST_PER_CHANNEL = 2  # attempts under way: a channel that hangs leaves the other drains free
# To a channel that has just shown that it is quick, so that a storm does not queue before it; the
# others are there for everybody else, should it hang now.
MOST_PER_QUICK = DRAINS - MOST_PER_CHANNEL
QUICK = 0.5  # seconds
MOST_KNOWN = 1_000  # quick channels: rather forget them than fill the memory
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
        self._under_way: defaultdict[int, list[float]] = defaultdict(list)
        self._quick: set[int] = set()
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
        now = monotonic()
        with self._lock:
            return [key for key, begun in self._under_way.items() if self._is_busy(key, begun, now)]

    def begin(self, channel_id: int) -> float:
        """Note that an attempt to a channel began; return what `end` wants to know."""
        began = monotonic()
        with self._lock:
            self._under_way[channel_id].append(began)
        return began

    def end(self, channel_id: int, began: float) -> None:
        """Note that an attempt to a channel ended."""
        with self._lock:
            under_way = self._under_way[channel_id]
            under_way.remove(began)
            if not under_way:
                del self._under_way[channel_id]
            if monotonic() - began > QUICK:
                self._quick.discard(channel_id)
            else:
                if len(self._quick) >= MOST_KNOWN:
                    self._quick.clear()
                self._quick.add(channel_id)

    def _is_busy(self, channel_id: int, begun: list[float], now: float) -> bool:
        quick = channel_id in self._quick and now - min(begun) <= QUICK
        return len(begun) >= (MOST_PER_QUICK if quick else MOST_PER_CHANNEL)

    def _run(self, app: Flask) -> None:
        try:
            with outlived("deliver"), app.app_context():
                self._work()
        finally:
            self._free.release()
