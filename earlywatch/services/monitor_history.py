"""What happened to a monitor: its incidents, and who was told of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from earlywatch.errors import NotFound
from earlywatch.models import Delivery, Fold, Incident, Monitor, Workspace

INCIDENTS_SHOWN = 20


@dataclass(frozen=True)
class Story:
    """An incident and who was told of it, in the order of telling."""

    incident: Incident
    deliveries: Sequence[Delivery]


def stories(session: Session, monitor: Monitor) -> list[Story]:
    """Return the latest incidents of a monitor, newest first."""
    query = (
        select(Incident)
        .where(Incident.monitor_id == monitor.id)
        .order_by(Incident.opened_at.desc(), Incident.id.desc())
        .limit(INCIDENTS_SHOWN)
    )
    incidents = session.scalars(query).all()
    told = _deliveries(session, [incident.id for incident in incidents])
    return [Story(incident, told[incident.id]) for incident in incidents]


def find_story(session: Session, workspace: Workspace, incident_id: int) -> Story:
    """Return one incident of the workspace with its monitor. Raises NotFound."""
    query = (
        select(Incident)
        .join(Incident.monitor)
        .options(contains_eager(Incident.monitor))
        .where(Monitor.workspace_id == workspace.id, Incident.id == incident_id)
    )
    incident = session.scalar(query)
    if incident is None:
        raise NotFound("There is no such incident.")
    tried = selectinload(Delivery.log)
    first_id = _first_of_fold(session, incident)
    told = _deliveries(session, {incident.id, first_id}, tried)
    if first_id == incident.id:
        return Story(incident, told[incident.id])
    # What left before it was noticed did not speak of it.
    since = incident.noticed_at
    shared = [each for each in told[first_id] if not each.sent_at or each.sent_at >= since]
    return Story(incident, [*told[incident.id], *shared])


def _first_of_fold(session: Session, incident: Incident) -> int:
    """Return the incident on which the alerts of its fold hang; without a fold, its own."""
    fold = session.get(Fold, incident.fold_id) if incident.fold_id else None
    return fold.first_id if fold else incident.id


def _deliveries(
    session: Session, incident_ids: Iterable[int], *also: ExecutableOption
) -> dict[int, list[Delivery]]:
    query = (
        select(Delivery)
        .options(joinedload(Delivery.channel), *also)
        .where(Delivery.incident_id.in_(incident_ids))
        .order_by(Delivery.id)
    )
    told: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in session.scalars(query):
        assert delivery.incident_id is not None
        told[delivery.incident_id].append(delivery)
    return told
