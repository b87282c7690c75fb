"""Work on many things, a few at a time, where each mostly waits for others."""

from collections import deque
from collections.abc import Callable, Iterable
from threading import Thread
from typing import TypeVar

from flask import Flask, current_app

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 4  # Stripe allows 100 questions a second; so many threads ask at most some 40


def few_at_once(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return what `work` gives for each item, in any order; one alone needs no thread.

    Each has an application's context of its own. The threads are daemons: see `alone`.
    """
    waiting, done = deque(items), list[Result]()
    if len(waiting) == 1:
        return [work(waiting.pop())]
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001

    def drain() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            with app.app_context():
                done.append(work(item))

    threads = [Thread(target=drain, daemon=True) for _ in range(min(AT_ONCE, len(waiting)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done
