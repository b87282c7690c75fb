"""What a worker does before it judges, and what it tells."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.clocks import Jumps
from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Interval
from earlywatch.models import BillingMail, Incident, Monitor, Outage, Tick
from earlywatch.services import canary, outages, pings
from earlywatch.services.wiring import EXTENSION
from earlywatch.tasks import hearing
from earlywatch.tasks.canary import Sender
from earlywatch.tasks.detection import detect_overdue
from tests.builders import make_monitor
from tests.clients.servers import http_server
from tests.services.pinging import ping

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def fresh(rows: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker that has just started, on an installation that never had an outage."""
    monkeypatch.setattr(hearing, "_jumps", Jumps())
    yield
    rows.rollback()
    rows.execute(delete(Tick))
    rows.execute(delete(Outage))
    rows.commit()


def sing(rows: Session, at: datetime) -> None:
    """Let the canary be heard."""
    key = canary.take_turn(rows, at)
    assert key is not None
    pings.record(rows, [ping(key, PingKind.LOG, at)], at)
    rows.commit()


def test_a_round_after_an_outage_moves_deadlines_before_it_judges(rows: Session) -> None:
    times: dict[str, Any] = {"last_ping_at": NOON, "expected_at": NOON + MINUTE}
    monitor = make_monitor(
        rows,
        schedule=Interval(MINUTE),
        grace=MINUTE,
        status="up",
        deadline_at=NOON + 2 * MINUTE,
        **times,
    )
    sing(rows, NOON)
    with time_machine.travel(NOON + SECOND, tick=False) as clock:
        detect_overdue()
        clock.move_to(NOON + 10 * MINUTE)
        detect_overdue()
        sing(rows, NOON + 10 * MINUTE + SECOND)
        clock.move_to(NOON + 10 * MINUTE + 2 * SECOND)
        detect_overdue()

    rows.refresh(monitor)
    assert rows.scalars(select(Incident)).all() == []
    assert monitor.deadline_at == NOON + 12 * MINUTE + SECOND


def test_a_clock_set_back_brings_back_what_lies_ahead(rows: Session) -> None:
    monitor = make_monitor(rows, schedule=Interval(MINUTE), grace=MINUTE)
    with time_machine.travel(NOON, tick=False) as clock:
        detect_overdue()
        pings.record(rows, [ping(monitor, PingKind.SUCCESS, NOON)], NOON)
        rows.commit()
        clock.move_to(NOON - 10 * MINUTE)
        detect_overdue()

    rows.refresh(monitor)
    assert monitor.deadline_at is not None
    # What really passed between the two rounds has passed.
    assert abs(monitor.deadline_at - (NOON - 8 * MINUTE)) < 20 * SECOND


def rename(rows: Session, table: str, name: str) -> None:
    rows.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))
    rows.commit()


def test_a_clock_set_back_while_the_database_is_away_is_not_forgotten(
    rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_monitor(rows, schedule=Interval(MINUTE), grace=MINUTE)
    with time_machine.travel(NOON, tick=False) as clock:
        detect_overdue()
        pings.record(rows, [ping(monitor, PingKind.SUCCESS, NOON)], NOON)
        rows.commit()
        clock.move_to(NOON - 10 * MINUTE)
        rename(rows, "monitor", "monitor_away")
        with pytest.raises(ProgrammingError):
            detect_overdue()
        rename(rows, "monitor_away", "monitor")
        detect_overdue()

    rows.refresh(monitor)
    assert monitor.deadline_at is not None
    assert abs(monitor.deadline_at - (NOON - 8 * MINUTE)) < 20 * SECOND


def test_while_another_detector_looks_nobody_is_late(rows: Session) -> None:
    sing(rows, NOON)
    outages.listen(rows, NOON)
    rows.commit()
    with Session(rows.get_bind()) as other:
        assert outages.note_low_volume(other, NOON)

        assert outages.note_low_volume(rows, NOON)


@pytest.fixture
def operators(task_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody runs this installation."""
    wired = task_app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"operator_emails": ("ops@example.org",)})
    monkeypatch.setitem(task_app.extensions, EXTENSION, replace(wired, settings=settings))


def test_operators_are_told_by_the_worker(rows: Session, operators: None) -> None:
    before = utcnow() - 5 * MINUTE
    with time_machine.travel(before, tick=False):
        sing(rows, before)
        detect_overdue()
    detect_overdue()

    hearing.tell_outages.run()
    hearing.tell_outages.run()

    [kind] = rows.scalars(select(BillingMail.kind)).all()
    assert kind == "outage_began"


def test_a_worker_sends_the_canary_where_nobody_else_does(
    task_app: Flask, rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = task_app.extensions[EXTENSION]
    with http_server() as door:
        settings = wired.settings.model_copy(update={"ping_base_url": f"{door.url}/ping"})
        monkeypatch.setitem(task_app.extensions, EXTENSION, replace(wired, settings=settings))

        sender = Sender()
        with time_machine.travel(NOON, tick=False) as clock:
            sender.send_if_lone()
            sender.send_if_lone()
            Sender().send_if_lone()
            clock.move_to(NOON + canary.EVERY)
            sender.send_if_lone()
            Sender().send_if_lone()

    key = rows.scalars(select(Monitor.ping_key)).one()
    assert [request.path for request in door.requests] == [f"/ping/{key}/log"] * 2
