"""Work in a thread of its own: once at a time, and again after it broke."""

from threading import Event

from flask import Flask, current_app

from earlywatch.tasks.alone import Alone
from tests.waiting import wait_until


def test_it_is_begun_once_at_a_time(task_app: Flask) -> None:
    gate, begun = Event(), []

    def work() -> None:
        begun.append(current_app.name)
        gate.wait(10)

    alone = Alone("work", work)
    with task_app.app_context():
        for _ in range(10):
            alone.start()
        wait_until(lambda: bool(begun), 5, "the work to begin")
        gate.set()
        wait_until(lambda: _tried_again(alone, begun), 5, "the work to begin again")

    assert begun[:2] == [task_app.name] * 2


def test_after_an_error_it_is_begun_again(task_app: Flask) -> None:
    tried: list[int] = []

    def work() -> None:
        tried.append(1)
        raise RuntimeError("the database is away")

    alone = Alone("work", work)
    with task_app.app_context():
        wait_until(lambda: _tried_again(alone, tried), 5, "another try")


def test_a_few_may_be_at_work_and_no_more(task_app: Flask) -> None:
    gate, begun = Event(), []

    def work() -> None:
        begun.append(current_app.name)
        gate.wait(10)

    alone = Alone("work", work, most=3)
    with task_app.app_context():
        for _ in range(10):
            alone.start()
        wait_until(lambda: len(begun) == 3, 5, "three to begin")
        gate.set()

    assert len(begun) == 3


def _tried_again(alone: Alone, tried: list[str] | list[int]) -> bool:
    alone.start()
    return len(tried) > 1
