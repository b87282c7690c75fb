"""Ending a window while alerts are planned: nobody is forgotten."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.domain.windows import Once, Window
from earlywatch.models import Account, Incident, Workspace
from earlywatch.services import maintenance, maintenance_edits, telling
from earlywatch.services.maintenance_edits import MaintenanceValues
from tests.builders import NOW, make_account, make_incident, make_monitor, make_workspace
from tests.waiting import wait_until

HOUR = timedelta(hours=1)
WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


class Night:
    """Rows that every session sees: a late monitor in a window."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session:
            owner = make_account(session)
            workspace = make_workspace(session, owner)
            monitor = make_monitor(session, workspace, status="late")
            incident = make_incident(session, monitor, next_step_at=NOW)
            values = MaintenanceValues("upgrade", Window(Once(NOW, "UTC"), HOUR))
            window = maintenance_edits.create_window(session, workspace, values, NOW)
            self.owner, self.workspace = owner.id, workspace.id
            self.incident, self.window = incident.id, window.id
            session.commit()

    def end(self) -> None:
        """End the window as the page does, in two transactions."""
        with Session(self.engine) as session:
            workspace = session.get_one(Workspace, self.workspace)
            maintenance_edits.end_window(session, workspace, self.window, NOW)
            session.commit()
        with Session(self.engine) as session:
            maintenance.wake(session, self.workspace, NOW)
            session.commit()

    def is_waiting(self) -> bool:
        with Session(self.engine) as session:
            return bool(session.scalar(WAITERS))

    def remove(self) -> None:
        with Session(self.engine) as session:
            session.execute(delete(Workspace).where(Workspace.id == self.workspace))
            session.execute(delete(Account).where(Account.id == self.owner))
            session.commit()


@pytest.fixture
def night(app: Flask) -> Iterator[Night]:
    """A window in which alerts are planned."""
    with app.app_context():
        night = Night(db.engine)
        yield night
        night.remove()


def test_who_is_held_back_while_the_window_ends_is_looked_at_again(night: Night) -> None:
    with Session(night.engine) as planning, ThreadPoolExecutor(1) as pool:
        telling.tell(planning, [night.incident], NOW)
        ending = pool.submit(night.end)
        wait_until(night.is_waiting, 10, "the end of the window waits for the planning")
        planning.commit()
        ending.result(10)

    with Session(night.engine) as session:
        incident = session.get_one(Incident, night.incident)
        assert (incident.held, incident.next_step_at) == ("maintenance", NOW)
