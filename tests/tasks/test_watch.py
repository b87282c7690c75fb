"""The loop without Redis does all that beat would ring for."""

from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import ReceivedEvent
from earlywatch.tasks import beat_schedule
from earlywatch.tasks.drains import Drains
from earlywatch.tasks.watch import besides, watch
from tests.events import make_event
from tests.waiting import wait_until


def test_every_bell_has_its_place_in_the_loop() -> None:
    in_the_round = {"detect", "deliver"}

    assert besides().keys() | in_the_round == beat_schedule().keys()


@pytest.fixture
def drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of this test alone: the loop stops them for good."""
    own = Drains(lambda: None)
    monkeypatch.setattr("earlywatch.tasks.watch.drains", own)
    monkeypatch.setattr("earlywatch.tasks.deliveries.drains", own)


def test_events_are_handled_without_redis(task_app: Flask, rows: Session, drains: None) -> None:
    made = make_event(rows, provider="pigeon", now=utcnow())
    rows.commit()
    stop = Event()
    loop = Thread(target=watch, args=(task_app, stop))

    def handled() -> bool:
        rows.rollback()
        return rows.get_one(ReceivedEvent, made.id, populate_existing=True).handled_at is not None

    loop.start()
    try:
        wait_until(handled, 15, "the event to be handled")
    finally:
        stop.set()
        loop.join()
    rows.execute(delete(ReceivedEvent))
    rows.commit()
