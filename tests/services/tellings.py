"""Incidents that are told of, and the policies that say to whom."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Incident, Monitor, Policy, PolicyStep, Workspace
from earlywatch.services import incidents
from earlywatch.services.incidents import Opening
from tests.builders import NOW

MINUTE = timedelta(minutes=1)


def make_policy(
    session: Session, workspace: Workspace, *steps: tuple[int, list[Channel]], **columns: Any
) -> Policy:
    """A policy whose steps come after so many minutes; an empty one is the monitor's own."""
    policy = Policy(
        **{
            "workspace_id": workspace.id,
            "name": "on call",
            "position": 1,
            "created_at": NOW,
            **columns,
        }
    )
    policy.steps = [
        PolicyStep(after=after * MINUTE, own=not channels, channels=channels)
        for after, channels in steps
    ]
    session.add(policy)
    session.flush()
    return policy


def open_incident(session: Session, monitor: Monitor, cause: Cause = Cause.MISSED) -> Incident:
    """Open one at `NOW`, of which people are told."""
    incidents.open_all(session, [Opening(monitor.id, cause, NOW, None, None)], NOW)
    return session.scalars(select(Incident).where(Incident.monitor_id == monitor.id)).one()


def told(session: Session, incident: Incident) -> list[tuple[str, int, int]]:
    """Alert, number and channel of each delivery, in order."""
    query = select(Delivery).where(Delivery.incident_id == incident.id).order_by(Delivery.id)
    return [(each.alert, each.number, each.channel_id) for each in session.scalars(query)]
