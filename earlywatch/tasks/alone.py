"""Work that waits for others: in a thread of its own, so that the detector finds a place."""

from collections.abc import Callable
from threading import BoundedSemaphore, Thread

from flask import Flask, current_app

from earlywatch.tasks.outages import outlived


class Alone:
    """Runs `work` in a thread, at most `most` of them at a time in a process.

    The thread is a daemon: ending it in the middle is what a kill would do, and leaves leases.
    """

    def __init__(self, name: str, work: Callable[[], object], most: int = 1) -> None:
        self._name = name
        self._work = work
        self._at_work = BoundedSemaphore(most)

    def start(self) -> None:
        """Begin once more, in the current application's context, unless enough are at work."""
        if not self._at_work.acquire(blocking=False):
            return
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        Thread(target=self._run, args=(app,), name=self._name, daemon=True).start()

    def _run(self, app: Flask) -> None:
        try:
            with outlived(self._name), app.app_context():
                self._work()
        finally:
            self._at_work.release()
