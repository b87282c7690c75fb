"""The threads that send: many at once, and never all of them to one place."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from pytest_httpserver import HTTPServer
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.breaker import FAILURES
from earlywatch.models import Channel, Delivery
from earlywatch.services.deliveries import OUR_FAULT
from earlywatch.services.providers import provider_of
from earlywatch.tasks.breakers import Breakers
from earlywatch.tasks.deliveries import (
    deliver_account_mail,
    deliver_alert,
    deliver_billing_mail,
    drain,
)
from earlywatch.tasks.drains import DRAINS, MOST_PER_CHANNEL, MOST_PER_QUICK, Drains
from tests.builders import make_channel, make_delivery
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


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


def hook(rows: Session, server: HTTPServer, path: str) -> Channel:
    """A Slack channel that leads to a server of the test."""
    return make_channel(rows, kind="slack", config={"webhook_url": server.url_for(path)})


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


def test_a_provider_that_is_down_is_left_alone_and_its_alerts_use_up_no_try(
    rows: Session, task_app: Flask, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earlywatch.tasks.deliveries.breakers", Breakers())
    httpserver.expect_request("/hook").respond_with_data("down", status=503)
    now = utcnow()
    ill = [hook(rows, httpserver, f"/hook?{number}") for number in range(FAILURES + 3)]
    held = [make_delivery(rows, channel, now=now, due_at=now) for channel in ill]
    rows.commit()

    while deliver_alert():
        pass

    rows.expire_all()
    assert [one.attempts for one in held] == [1] * FAILURES + [0] * 3
    assert {one.state for one in held} == {"pending"}
    waiting = held[-1]
    assert "has not worked lately" in (waiting.answer or "")
    assert now + SECOND * 29 < waiting.next_attempt_at < now + SECOND * 60
    assert len(httpserver.log) == FAILURES


def test_a_provider_that_works_again_gets_all_that_waits(
    rows: Session, task_app: Flask, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    breakers = Breakers()
    monkeypatch.setattr("earlywatch.tasks.deliveries.breakers", breakers)
    httpserver.expect_request("/hook").respond_with_data("ok")
    channel = hook(rows, httpserver, "/hook?again")
    provider = provider_of(channel.kind, channel.config)
    for _ in range(FAILURES):
        breakers.note(provider, ill=True)
    # It was due a minute ago: without a breaker it would be tried now.
    now = utcnow()
    due = now - SECOND * 60
    first = make_delivery(rows, channel, now=due, due_at=due)
    second = make_delivery(rows, hook(rows, httpserver, "/hook?after"), now=now, due_at=now)
    rows.commit()

    while deliver_alert():
        pass

    assert [state(rows, first), state(rows, second)] == ["sent", "sent"]


def test_an_alert_whose_attempt_raises_is_recorded_and_holds_up_nobody(
    rows: Session, task_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    now = utcnow()
    # Nothing that a form lets through: whatever it is that raises, it must end here.
    bad = make_channel(rows, kind="slack", config={"webhook_url": 7})
    poisoned = make_delivery(rows, bad, now=now)
    patient = make_delivery(rows, make_channel(rows), now=now)
    rows.commit()

    while deliver_alert():
        pass

    assert (state(rows, poisoned), poisoned.answer) == ("pending", OUR_FAULT)
    assert state(rows, patient) == "sent"
    assert "attempt raised" in caplog.text


def test_an_alert_that_cannot_be_put_into_words_is_recorded_and_holds_up_nobody(
    rows: Session, task_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    now = utcnow()
    poisoned = make_delivery(rows, None, None, AlertKind.NOTICE, now=now - SECOND)  # no words
    patient = make_delivery(rows, now=now)
    rows.commit()

    while deliver_alert():
        pass

    assert (state(rows, poisoned), poisoned.answer) == ("pending", OUR_FAULT)
    assert (poisoned.attempts, state(rows, patient)) == (1, "sent")
    assert "delivery cannot be told" in caplog.text


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


def test_a_channel_that_nobody_knows_is_busy_while_two_are_on_their_way() -> None:
    drains = Drains(lambda: None)

    for _ in range(MOST_PER_CHANNEL):
        assert drains.busy_channels() == []
        began = drains.begin(7)
    assert drains.busy_channels() == [7]
    drains.end(7, began)

    assert drains.busy_channels() == []


def test_a_quick_channel_gets_all_drains_but_those_kept_for_others() -> None:
    drains = Drains(lambda: None)
    drains.end(7, drains.begin(7))

    for _ in range(MOST_PER_QUICK):
        assert drains.busy_channels() == []
        drains.begin(7)
    assert drains.busy_channels() == [7]


def test_a_quick_channel_that_begins_to_hang_is_busy_at_two() -> None:
    drains = Drains(lambda: None)
    drains.end(7, drains.begin(7))

    first = [drains.begin(7) for _ in range(MOST_PER_CHANNEL)]
    assert drains.busy_channels() == []
    wait_until(lambda: drains.busy_channels() == [7], 5, "the channel to be busy")
    for began in first:
        drains.end(7, began)

    assert drains.busy_channels() == []


def test_nothing_due_is_said(task_app: Flask, rows: Session) -> None:
    assert not deliver_alert()
    assert not deliver_account_mail()
    assert not deliver_billing_mail()
