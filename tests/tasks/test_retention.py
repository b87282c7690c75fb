"""Old pings make room: in rounds that may be cut, run twice and hinder nobody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.db import db
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.store import store
from earlywatch.models import Monitor, Ping, Tick
from earlywatch.services import retention
from earlywatch.services.incoming import IncomingPing, Outcome
from earlywatch.services.retention import Limits, Place, Step
from earlywatch.services.wiring import EXTENSION
from earlywatch.tasks import retention as task
from earlywatch.tasks.retention import EVERY, LEASE, ROUND, prune_if_due
from tests.builders import make_monitor, make_workspace

KEPT = 10
FEW = Limits(KEPT, timedelta(days=400))
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def few_are_kept(task_app: Flask, rows: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation that keeps ten pings of each monitor, and has never looked."""
    wired = task_app.extensions[EXTENSION]
    own = wired.settings.model_copy(update={"pings_kept": KEPT})
    monkeypatch.setitem(task_app.extensions, EXTENSION, replace(wired, settings=own))
    yield
    rows.rollback()
    rows.execute(delete(Tick))
    rows.commit()


def crowd(rows: Session, count: int, pings: int = 30) -> list[Monitor]:
    """Commit monitors, each with so many pings."""
    workspace, now = make_workspace(rows), utcnow()
    made = [make_monitor(rows, workspace) for _ in range(count)]
    row = {"kind": "success", "body_cut": False, "method": "GET", "scheme": "https"}
    rows.execute(
        insert(Ping),
        [
            {"monitor_id": monitor.id, "received_at": now - back * SECOND, **row}
            for monitor in made
            for back in reversed(range(pings))
        ],
    )
    rows.commit()
    return made


def counts(rows: Session, monitors: list[Monitor]) -> list[int]:
    """Return how many pings each of them has."""
    rows.rollback()
    query = select(Ping.monitor_id, func.count()).group_by(Ping.monitor_id)
    found: dict[int, int] = dict(rows.execute(query).all())
    return [found.get(monitor.id, 0) for monitor in monitors]


def test_a_round_prunes_all_and_the_next_is_due_in_an_hour(rows: Session) -> None:
    made = crowd(rows, 3)

    prune_if_due()
    assert counts(rows, made) == [KEPT] * 3
    assert rows.get(Tick, ROUND) is not None

    more = crowd(rows, 1)
    prune_if_due()
    assert counts(rows, more) == [30]
    with time_machine.travel(utcnow() + EVERY + SECOND):
        prune_if_due()
    assert counts(rows, more) == [KEPT]


def test_a_round_that_takes_too_long_goes_on_where_it_was(
    rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crowd(rows, 4)
    monkeypatch.setattr(retention, "MONITORS", 1)
    monkeypatch.setattr(task, "LONGEST", 0.0)
    looked = []
    whole = retention.prune

    def prune(session: Session, limits: Limits, place: Place, now: datetime) -> Step:
        looked.append(place.done)
        return whole(session, limits, place, now)

    monkeypatch.setattr(retention, "prune", prune)

    for number in range(6):
        with time_machine.travel(utcnow() + number * (LEASE + SECOND), tick=False):
            prune_if_due()

    assert looked == [0, *[monitor.id for monitor in made]]
    assert counts(rows, made) == [KEPT] * 4
    assert rows.get(Tick, ROUND) is not None


def test_a_round_that_died_loses_and_repeats_nothing(
    rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crowd(rows, 4)
    monkeypatch.setattr(retention, "MONITORS", 2)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retention, "remember_place", die)
        with pytest.raises(KeyboardInterrupt):
            prune_if_due()
    assert counts(rows, made) == [30] * 4
    prune_if_due()
    assert counts(rows, made) == [30] * 4  # somebody may still be at it

    with time_machine.travel(utcnow() + LEASE + SECOND):
        prune_if_due()
    assert counts(rows, made) == [KEPT] * 4


def test_two_who_prune_at_once_do_not_wait_for_each_other(rows: Session) -> None:
    made = crowd(rows, 2)
    with Session(db.engine) as other:
        retention.prune(other, FEW, Place(), utcnow())

        retention.prune(rows, FEW, Place(), utcnow())
        rows.commit()
        other.commit()

    assert counts(rows, made) == [KEPT] * 2


def test_pings_are_stored_while_others_are_being_deleted(rows: Session) -> None:
    [monitor] = crowd(rows, 1)
    with Session(db.engine) as pruning:
        step = retention.prune(pruning, FEW, Place(), utcnow())
        retention.remember_place(pruning, step.place, utcnow())
        ping = IncomingPing(monitor.ping_key, PingKind.SUCCESS, utcnow(), "GET", "https")

        assert step.pings == 20
        assert store(db.engine, [ping]) == [Outcome.RECORDED]
        pruning.commit()

    assert counts(rows, [monitor]) == [KEPT + 1]
