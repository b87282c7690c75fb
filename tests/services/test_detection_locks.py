"""Somebody holds a row for long: only whoever needs that one waits."""

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, Channel, Incident, Monitor, Outage, Workspace
from earlywatch.services import moving, outages
from earlywatch.services.detection import detect
from tests.builders import NOW, make_account, make_channel, make_monitor, make_workspace
from tests.services.listening import MINUTE, SECOND


class Night:
    """Rows that every session sees: three late monitors of one workspace, and one of another."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.owners: list[int] = []
        self.workspaces: list[int] = []
        self.channels: list[int] = []
        self.monitors: list[list[int]] = []
        with Session(engine) as session:
            for late in (3, 1):
                self._fill(session, late)
            session.commit()

    def _fill(self, session: Session, late: int) -> None:
        owner = make_account(session)
        workspace = make_workspace(session, owner)
        channel = make_channel(session, workspace)
        columns: dict[str, Any] = {
            "status": "up",
            "channels": [channel],
            "last_ping_at": NOW - 2 * MINUTE,
            "last_success_at": NOW - 2 * MINUTE,
            "expected_at": NOW - MINUTE,
            "deadline_at": NOW - SECOND,
        }
        monitors = [make_monitor(session, workspace, **columns) for _ in range(late)]
        self.owners.append(owner.id)
        self.workspaces.append(workspace.id)
        self.channels.append(channel.id)
        self.monitors.append([monitor.id for monitor in monitors])

    def opened(self) -> list[int]:
        with Session(self.engine) as session:
            return list(session.scalars(select(Incident.monitor_id).order_by(Incident.monitor_id)))

    def remove(self) -> None:
        with Session(self.engine) as session:
            session.execute(delete(Outage))
            session.execute(delete(Workspace).where(Workspace.id.in_(self.workspaces)))
            session.execute(delete(Account).where(Account.id.in_(self.owners)))
            session.commit()


@pytest.fixture
def night(app: Flask) -> Iterator[Night]:
    """Two workspaces in which something is late."""
    with app.app_context():
        night = Night(db.engine)
        yield night
        night.remove()


def test_a_channel_that_is_held_is_waited_for_once_and_holds_up_nobody_else(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    held, free = night.monitors
    with Session(night.engine) as deleting, Session(night.engine) as detecting:
        deleting.get(Channel, night.channels[0], with_for_update=True)
        with caplog.at_level(logging.WARNING):
            found = detect(detecting, NOW)
        detecting.commit()
        meanwhile = night.opened()
        deleting.rollback()
        detect(detecting, NOW + SECOND)
        detecting.commit()

    assert found.held == {night.workspaces[0]}
    assert meanwhile == free
    assert night.opened() == held + free
    # Once for the batch, and once for the workspace.
    assert [each.message for each in caplog.records] == ["incidents wait for a lock"] * 2


def test_a_round_passes_over_what_is_held_until_the_next_tick(night: Night) -> None:
    _, free = night.monitors
    next_round = partial(detect, limit=2)
    with Session(night.engine) as deleting, Session(night.engine) as detecting:
        deleting.get(Channel, night.channels[0], with_for_update=True)
        oldest = detecting.get_one(Monitor, free[0])
        oldest.look_at = NOW  # behind those that are held
        first = next_round(detecting, NOW)
        second = next_round(detecting, NOW, passed_over=first.held)
        detecting.commit()

    assert (first.looked, second.looked) == (2, 1)
    assert night.opened() == free


def test_a_monitor_that_is_held_after_an_outage_is_moved_once_it_is_free(night: Night) -> None:
    [held, *others], _ = night.monitors
    with Session(night.engine) as holding, Session(night.engine) as session:
        times = {"began_at": NOW - 3 * MINUTE, "ended_at": NOW - 2 * SECOND, "noticed_at": NOW}
        outage = Outage(cause="intake", **times)
        session.add(outage)
        session.commit()
        holding.get(Monitor, held, with_for_update=True)
        moved = [moving.move(session, outage, 0, NOW + n * SECOND).moved for n in range(2)]
        session.commit()
        assert outages.find_unmoved(session) is outage
        holding.rollback()
        moved.append(moving.move(session, outage, 0, NOW + 2 * SECOND).moved)
        session.commit()
        ends = [session.get_one(Monitor, each).deadline_at for each in (held, *others)]
        judged_from = outage.moved_at

    assert moved == [3, 0, 1]
    assert judged_from == NOW + 2 * SECOND
    assert len(set(ends)) == 1
