"""What an export says of rules that are not a monitor's: policies and maintenance windows."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Maintenance, Policy, PolicyStep, Workspace
from earlywatch.services.policies import list_policies

Record = dict[str, Any]


def policies(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    """Yield the policies in the order in which they are asked."""
    yield [_policy(policy) for policy in list_policies(session, workspace)]


def windows(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    """Yield the maintenance windows, the oldest first."""
    query = select(Maintenance).where(Maintenance.workspace_id == workspace.id)
    yield [_window(row) for row in session.scalars(query.order_by(Maintenance.id))]


def _policy(policy: Policy) -> Record:
    return {
        "id": policy.id,
        "name": policy.name,
        "tags": policy.tags,
        "causes": policy.causes,
        "weekdays": policy.weekdays,
        "time_zone": policy.time_zone,
        "steps": list(map(_step, policy.steps)),
        "repeat_every_seconds": policy.repeat_every,
        "repeat_most": policy.repeat_most,
        "created_at": policy.created_at,
    }


def _step(step: PolicyStep) -> Record:
    return {
        "after_seconds": step.after,
        "own": step.own,
        "channel_ids": sorted(channel.id for channel in step.channels),
    }


def _window(row: Maintenance) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "monitor_id": row.monitor_id,
        "tags": row.tags,
        "recurrence": row.recurrence,
        "starts_at": row.starts_at,
        "weekdays": row.weekdays,
        "starts": row.starts,
        "expression": row.expression,
        "length_seconds": row.length,
        "time_zone": row.time_zone,
        "ended_at": row.ended_at,
        "created_at": row.created_at,
    }
