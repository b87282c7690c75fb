"""An incident whose alerts have buttons, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Incident, RefusedEvent
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_channel, make_incident, make_monitor, make_workspace


@dataclass
class Case:
    """An open incident, and what its buttons carry."""

    session: Session
    incident: Incident
    channel: Channel
    token: str

    @property
    def acknowledged_by(self) -> str | None:
        self.session.refresh(self.incident)
        return self.incident.acknowledged_by

    @property
    def snoozed(self) -> tuple[datetime | None, str | None]:
        """Until when it is snoozed, and by whom."""
        self.session.refresh(self.incident)
        return self.incident.snoozed_until, self.incident.snoozed_by

    @property
    def refused(self) -> list[tuple[str, str, int]]:
        """Provider, reason and number of the calls that were turned away."""
        rows = self.session.scalars(select(RefusedEvent))
        return [(row.provider, row.reason, row.count) for row in rows]


def make_case(app: Flask, session: Session, kind: str, name: str = "nightly backup") -> Case:
    """Return an open incident that was told through a channel of a kind."""
    workspace = make_workspace(session)
    channel = make_channel(session, workspace, kind)
    incident = make_incident(session, make_monitor(session, workspace, name, status="late"))
    links = app.extensions[EXTENSION].links
    return Case(session, incident, channel, links.act_token(incident.id, channel))
