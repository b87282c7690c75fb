"""The threads that send: many at once, and never all of them to one place."""

import socket
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Delivery
from earlywatch.tasks.deliveries import (
    deliver_account_mail,
    deliver_alert,
    deliver_billing_mail,
    drain,
)
from earlywatch.tasks.drains import DRAINS, MOST_PER_CHANNEL, Drains
from tests.builders import make_channel, make_delivery
from tests.waiting import wait_until


@pytest.fixture
def tarpit() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"


@pytest.fixture
def drains(task_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drains]:
    """Threads of this test alone."""
    drains = Drains(drain)
    monkeypatch.setattr("earlywatch.tasks.deliveries.drains", drains)
    yield drains
    drains.stopping.set()


def state(rows: Session, delivery: Delivery) -> str:
    rows.expire_all()
    return rows.get_one(Delivery, delivery.id).state


def test_all_that_is_due_is_sent_until_nothing_is(rows: Session, drains: Drains) -> None:
    now = utcnow()
    deliveries = [make_delivery(rows, make_channel(rows), now=now) for _ in range(30)]
    rows.commit()

    drains.start_one()

    wait_until(lambda: all(state(rows, one) == "sent" for one in deliveries), 30, "all to be sent")


def test_a_place_that_hangs_does_not_hold_up_anybody_else(
    rows: Session, drains: Drains, tarpit: str
) -> None:
    now = utcnow()
    hanging = make_channel(rows, kind="slack", config={"webhook_url": tarpit})
    for _ in range(3 * DRAINS):
        make_delivery(rows, hanging, now=now)
    patient = make_delivery(rows, make_channel(rows), now=now)
    rows.commit()

    for _ in range(DRAINS):
        drains.start_one()

    wait_until(lambda: state(rows, patient) == "sent", 10, "the other one's alert")
    claimed = rows.query(Delivery).filter_by(channel_id=hanging.id).filter(Delivery.attempts > 0)
    assert claimed.count() <= DRAINS


def test_only_so_many_threads_work_at_once(task_app: Flask) -> None:
    gate = socket.socketpair()
    started: list[int] = []

    def work() -> None:
        started.append(1)
        gate[1].recv(1, socket.MSG_PEEK)

    drains = Drains(work)
    with task_app.app_context():
        for _ in range(3 * DRAINS):
            drains.start_one()
        wait_until(lambda: len(started) == DRAINS, 5, "all threads to start")
        gate[0].send(b"x")
        drains.stop(5)
        drains.start_one()

    assert len(started) == DRAINS
    for end in gate:
        end.close()


def test_a_thread_whose_work_raises_gives_its_place_back(task_app: Flask) -> None:
    tried: list[int] = []

    def work() -> None:
        tried.append(1)
        raise RuntimeError("the database is away")

    drains = Drains(work)
    with task_app.app_context():
        for wanted in range(1, 3 * DRAINS):
            wait_until(lambda: drains.start_one() or len(tried) >= wanted, 5, "another try")  # type: ignore[func-returns-value]  # noqa: B023


def test_a_channel_is_busy_while_enough_is_on_its_way() -> None:
    drains = Drains(lambda: None)

    for _ in range(MOST_PER_CHANNEL):
        assert drains.busy_channels() == []
        drains.count(7, 1)
    assert drains.busy_channels() == [7]
    drains.count(7, -1)

    assert drains.busy_channels() == []


def test_nothing_due_is_said(task_app: Flask, rows: Session) -> None:
    assert not deliver_alert()
    assert not deliver_account_mail()
    assert not deliver_billing_mail()
