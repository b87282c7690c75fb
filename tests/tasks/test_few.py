"""A few things at a time: each is done once, in a context of its own."""

from threading import Barrier, get_ident

from flask import Flask, current_app

from earlywatch.tasks.few import AT_ONCE, few_at_once


def test_each_is_done_once_and_several_at_a_time(task_app: Flask) -> None:
    together = Barrier(AT_ONCE, timeout=10)

    def work(number: int) -> tuple[int, str]:
        together.wait()
        return number, current_app.name

    with task_app.app_context():
        done = few_at_once(work, range(3 * AT_ONCE))

    assert sorted(done) == [(number, task_app.name) for number in range(3 * AT_ONCE)]


def test_one_alone_needs_no_thread(task_app: Flask) -> None:
    with task_app.app_context():
        assert few_at_once(lambda _: get_ident(), [1]) == [get_ident()]
        assert few_at_once(lambda _: get_ident(), []) == []
