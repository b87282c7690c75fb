"""The drill of the week, and channels nobody has answered on: once, whoever looks and when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Delivery, Drill, Tick, Workspace
from earlywatch.tasks.drills import EVERY, drill_due, tell_if_due
from tests.builders import make_channel, make_monitor, make_workspace

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def never_looked(task_app: Flask, rows: Session) -> Iterator[None]:
    """An installation that remembers no round."""
    yield
    rows.rollback()
    rows.execute(delete(Tick))
    rows.commit()


@pytest.fixture
def channel(rows: Session) -> Channel:
    """A channel in use of a workspace that wants a drill every week."""
    workspace = make_workspace(rows, now=MONDAY - 60 * DAY)
    workspace.drill_weekly = True
    channel = make_channel(rows, workspace, now=MONDAY - 60 * DAY)
    make_monitor(rows, workspace, channels=[channel])
    rows.commit()
    return channel


def count(rows: Session, table: type[Drill] | type[Delivery]) -> int:
    rows.rollback()
    return rows.scalar(select(func.count()).select_from(table)) or 0


def test_the_drill_of_the_week_is_held_once_whoever_looks(
    task_app: Flask, rows: Session, channel: Channel
) -> None:
    def look() -> None:
        with task_app.app_context():
            drill_due()

    with time_machine.travel(MONDAY + 7 * MINUTE, tick=False):
        threads = [Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        drill_due()

    assert (count(rows, Drill), count(rows, Delivery)) == (1, 1)


def test_nothing_is_held_before_its_time_and_again_in_a_week(
    rows: Session, channel: Channel
) -> None:
    held = []
    for moment in (MONDAY - MINUTE, MONDAY, MONDAY + DAY, MONDAY + 7 * DAY):
        with time_machine.travel(moment, tick=False):
            drill_due()
        held.append(count(rows, Drill))

    assert held == [0, 1, 1, 2]


def test_a_channel_not_proven_for_long_is_told_of_by_one_round_an_hour(
    rows: Session, channel: Channel
) -> None:
    told = []
    for moment in (MONDAY, MONDAY + EVERY / 2, MONDAY + EVERY, MONDAY + 31 * DAY):
        with time_machine.travel(moment, tick=False):
            tell_if_due()
        told.append(count(rows, Delivery))
        if moment == MONDAY:
            workspace = rows.get_one(Workspace, channel.workspace_id)
            late = make_channel(rows, workspace, now=MONDAY - 60 * DAY)
            make_monitor(rows, workspace, channels=[late])
            rows.commit()

    assert told == [1, 1, 2, 4]
