"""The buttons of an incident: what each does, on the site and in alerts."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.snooze import Act, until
from earlywatch.errors import NotFound
from earlywatch.models import Incident, Monitor, Workspace
from earlywatch.services import acting


def press(session: Session, incident_id: int, act: Act, by: str, now: datetime) -> Incident:
    """Do what a button says at `now` (UTC). Raises NotFound, and IsOver for an ended incident."""
    if act is Act.ACKNOWLEDGE:
        return acting.acknowledge(session, incident_id, by, now)
    if act is Act.UNDO:
        return acting.unacknowledge(session, incident_id, by, now)
    ends_at = until(act, now, zone_of(session, incident_id))
    if ends_at is None:
        return acting.snooze_until_back(session, incident_id, by, now)
    return acting.snooze(session, incident_id, ends_at, by, now)


def check_mine(session: Session, workspace: Workspace, incident_id: int) -> None:
    """Raise NotFound unless the incident is one of the workspace."""
    query = select(Incident.id).join(Incident.monitor)
    mine = query.where(Incident.id == incident_id, Monitor.workspace_id == workspace.id)
    if session.scalar(mine) is None:
        raise NotFound("There is no such incident.")


def zone_of(session: Session, incident_id: int) -> str:
    """Return the zone on whose clock tomorrow begins: that of the workspace. Raises NotFound."""
    zone = session.scalar(
        select(Workspace.time_zone)
        .join(Monitor, Monitor.workspace_id == Workspace.id)
        .join(Incident, Incident.monitor_id == Monitor.id)
        .where(Incident.id == incident_id)
    )
    if zone is None:
        raise NotFound("There is no such incident.")
    return zone


def count_others(session: Session, incident: Incident) -> int:
    """Return how many more open incidents a press would be for: those told of together."""
    if incident.fold_id is None:
        return 0
    query = select(func.count()).where(
        Incident.fold_id == incident.fold_id,
        Incident.resolved_at.is_(None),
        Incident.id != incident.id,
    )
    return session.scalar(query) or 0
