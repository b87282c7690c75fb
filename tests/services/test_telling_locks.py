"""Planning while somebody holds what it needs: the others are told all the same."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, Channel, Delivery, Incident, Workspace
from earlywatch.services import telling
from tests.builders import (
    NOW,
    make_account,
    make_channel,
    make_incident,
    make_monitor,
    make_workspace,
)


class Night:
    """Rows that every session sees: two workspaces, each with a late monitor and its channel."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.owners: list[int] = []
        self.workspaces: list[int] = []
        self.channels: list[int] = []
        self.incidents: list[int] = []
        with Session(engine) as session:
            for _ in range(2):
                owner = make_account(session)
                workspace = make_workspace(session, owner)
                channel = make_channel(session, workspace)
                monitor = make_monitor(session, workspace, status="late", channels=[channel])
                incident = make_incident(session, monitor, next_step_at=NOW)
                self.owners.append(owner.id)
                self.workspaces.append(workspace.id)
                self.channels.append(channel.id)
                self.incidents.append(incident.id)
            session.commit()

    def told(self) -> list[int | None]:
        with Session(self.engine) as session:
            query = select(Delivery.incident_id).where(Delivery.incident_id.in_(self.incidents))
            return list(session.scalars(query.order_by(Delivery.incident_id)))

    def remove(self) -> None:
        with Session(self.engine) as session:
            session.execute(delete(Workspace).where(Workspace.id.in_(self.workspaces)))
            session.execute(delete(Account).where(Account.id.in_(self.owners)))
            session.commit()


@pytest.fixture
def night(app: Flask) -> Iterator[Night]:
    """Two workspaces of which people are to be told."""
    with app.app_context():
        night = Night(db.engine)
        yield night
        night.remove()


def test_a_channel_that_is_held_keeps_nobody_else_from_being_told(night: Night) -> None:
    with Session(night.engine) as deleting, Session(night.engine) as planning:
        deleting.get(Channel, night.channels[0], with_for_update=True)
        telling.tell_due(planning, NOW)
        planning.commit()
        meanwhile = night.told()
        incident = planning.get_one(Incident, night.incidents[0])
        again = incident.next_step_at
        deleting.rollback()
        assert again is not None
        telling.tell_due(planning, again)
        planning.commit()

    assert meanwhile == night.incidents[1:]
    assert again == NOW + telling.LOCKED
    assert night.told() == night.incidents
