"""Deleting a channel while something that uses it changes: both succeed, one after the other."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, delete, event, select, text
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.services import channels, monitors, telling
from earlywatch.services.monitors import MonitorValues
from tests.builders import (
    NOW,
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)
from tests.waiting import wait_until

WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


class House:
    """Rows that every session sees: a monitor, and the channel it tells."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session:
            self.owner = make_account(session).id
            workspace = make_workspace(session, session.get_one(Account, self.owner))
            channel = make_channel(session, workspace)
            monitor = make_monitor(session, workspace, channels=[channel])
            ended = [make_incident(session, monitor, resolved_at=NOW) for _ in range(3)]
            for incident in reversed(
                ended
            ):  # so that the two deletions find them in opposite order
                make_delivery(session, channel, incident)
            self.workspace, self.channel, self.monitor = workspace.id, channel.id, monitor.id
            session.commit()

    def edit_monitor(self) -> None:
        with Session(self.engine) as session:
            workspace, monitor = self._rows(session)
            values = MonitorValues(monitor.name, monitor.rules, "UTC", channel_ids=(self.channel,))
            monitors.edit_monitor(session, workspace, monitor.id, values, NOW)
            session.commit()

    def delete_monitor(self) -> None:
        with Session(self.engine) as session:
            workspace, monitor = self._rows(session)
            monitors.delete_monitor(session, workspace, monitor.id, NOW)
            session.commit()

    def delete_channel(self) -> None:
        with Session(self.engine) as session:
            workspace = session.get_one(Workspace, self.workspace)
            channels.delete_channel(session, workspace, self.channel, NOW)
            session.commit()

    def _rows(self, session: Session) -> tuple[Workspace, Monitor]:
        workspace = session.get_one(Workspace, self.workspace)
        return workspace, session.get_one(Monitor, self.monitor)

    def waiters(self) -> int:
        """How many sessions wait for another one."""
        with self.engine.connect() as connection:
            return int(connection.scalar(WAITERS) or 0)


@pytest.fixture
def house(app: Flask) -> Iterator[House]:
    with app.app_context():
        engine = db.engine
    house = House(engine)
    yield house
    with Session(engine) as session:
        session.execute(delete(Workspace).where(Workspace.id == house.workspace))
        session.execute(delete(Account).where(Account.id == house.owner))
        session.commit()


@contextmanager
def before(engine: Engine | Connection, start: str, act: Callable[[], None]) -> Iterator[None]:
    """While the block runs, `act` when a statement that begins with `start` is about to run."""

    def look(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if statement.startswith(start):
            act()

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", look)


def test_a_channel_deleted_during_an_edit_of_its_monitor_is_gone_in_the_end(house: House) -> None:
    deletion: list[Future[None]] = []

    def start_deletion() -> None:
        deletion.append(other.submit(house.delete_channel))
        wait_until(lambda: house.waiters() == 1, 10, "the deletion to wait for the edit")

    with ThreadPoolExecutor(1) as other:
        with before(house.engine, "INSERT INTO monitor_channel", start_deletion):
            house.edit_monitor()
        deletion[0].result()

    with Session(house.engine) as session:
        assert session.get(Channel, house.channel) is None
        assert session.get(Monitor, house.monitor) is not None


def test_a_monitor_and_its_channel_can_be_deleted_at_once(house: House) -> None:
    told = select(Delivery).where(Delivery.channel_id == house.channel).order_by(Delivery.id)

    with ThreadPoolExecutor(2) as others, Session(house.engine) as session:
        session.execute(delete(monitor_channel))  # it used the channel once
        session.commit()
        session.scalars(told.offset(1).limit(1).with_for_update()).one()
        deletions = [others.submit(house.delete_monitor), others.submit(house.delete_channel)]
        wait_until(lambda: house.waiters() == 2, 10, "both to wait")
        session.rollback()
        for deletion in deletions:
            deletion.result()

    with Session(house.engine) as session:
        assert session.get(Channel, house.channel) is None
        assert session.get(Monitor, house.monitor) is None


def opened(house: House, *, told: bool) -> int:
    """An incident of the monitor; its alert waits in the channel if it was told."""
    with Session(house.engine) as session:
        monitor = session.get_one(Monitor, house.monitor)
        columns = {"step": 1, "told_since": NOW} if told else {"next_step_at": NOW}
        incident = make_incident(session, monitor, **columns)
        if told:
            make_delivery(session, session.get_one(Channel, house.channel), incident)
        session.commit()
        return incident.id


def next_step(house: House, incident_id: int) -> tuple[int, object]:
    with Session(house.engine) as session:
        incident = session.scalars(select(Incident).filter_by(id=incident_id)).one()
        return incident.step, incident.next_step_at


def test_an_alert_queued_while_its_channel_is_being_deleted_is_told_anew(
    house: House,
) -> None:
    incident_id = opened(house, told=False)

    with ThreadPoolExecutor(1) as other, Session(house.engine) as planning:
        assert telling.tell_due(planning, NOW).deliveries == 1
        deletion = other.submit(house.delete_channel)
        wait_until(lambda: house.waiters() == 1, 10, "the deletion to wait for the alert")
        planning.commit()
        deletion.result()

    with Session(house.engine) as session:
        assert session.get(Channel, house.channel) is None
    assert next_step(house, incident_id) == (0, NOW)


def test_whoever_is_told_while_their_channel_is_being_deleted_is_looked_for_again(
    house: House,
) -> None:
    incident_id = opened(house, told=False)

    def tell() -> None:
        with Session(house.engine) as session:
            telling.tell_due(session, NOW)
            session.commit()

    with ThreadPoolExecutor(1) as other, Session(house.engine) as deleting:
        workspace = deleting.get_one(Workspace, house.workspace)
        channels.delete_channel(deleting, workspace, house.channel, NOW)
        second = make_channel(deleting, workspace)
        told = other.submit(tell)
        wait_until(lambda: house.waiters() == 1, 10, "the telling to wait for the deletion")
        monitor = deleting.get_one(Monitor, house.monitor)
        deleting.execute(
            monitor_channel.insert().values(monitor_id=monitor.id, channel_id=second.id)
        )
        deleting.commit()
        told.result()
        query = select(Delivery.channel_id).where(Delivery.incident_id == incident_id)
        assert deleting.scalars(query).all() == [second.id]


def test_a_monitor_that_was_told_of_and_its_channel_can_be_deleted_at_once(
    house: House,
) -> None:
    opened(house, told=True)
    deletion: list[Future[None]] = []

    def start_deletion() -> None:
        if not deletion:
            deletion.append(other.submit(house.delete_channel))
            wait_until(lambda: house.waiters() == 1, 10, "the deletion to wait")

    with ThreadPoolExecutor(1) as other:
        with before(house.engine, "SELECT pg_advisory_xact_lock", start_deletion):
            house.delete_monitor()
        deletion[0].result()

    with Session(house.engine) as session:
        assert session.get(Channel, house.channel) is None
        assert session.get(Monitor, house.monitor) is None


def test_what_somebody_is_telling_of_is_waited_for(house: House) -> None:
    incident_id = opened(house, told=True)

    with ThreadPoolExecutor(1) as other, Session(house.engine) as planning:
        planning.get(Incident, incident_id, with_for_update=True)
        deletion = other.submit(house.delete_channel)
        wait_until(lambda: house.waiters() == 1, 10, "the deletion to wait for the incident")
        # As who plans does next: the channel is still free.
        planning.get(Channel, house.channel, with_for_update={"read": True, "nowait": True})
        planning.commit()
        deletion.result()

    assert next_step(house, incident_id) == (0, NOW)
