"""Incidents as the planning of alerts sees them: values, no rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Progress
from earlywatch.domain.monitor import Cause
from earlywatch.models.incident import Held

# Whoever plans an incident holds it: two at once would tell twice, or one of them not at all.
LOAD = text("""
    SELECT incident.id, incident.monitor_id, monitor.workspace_id, incident.cause,
        incident.opened_at, incident.last_ping_at, incident.urgent, incident.policy_id,
        incident.told_since, incident.step, incident.reminders,
        incident.acknowledged_at IS NOT NULL AS acknowledged,
        incident.snoozed_until IS NOT NULL AS snoozed,
        incident.held, incident.blocked_by_id, incident.failures, incident.fold_id,
        monitor.name, monitor.tags, monitor.grace, monitor.failures_needed, monitor.failures_of,
        monitor.flapping_at
    FROM incident JOIN monitor ON monitor.id = incident.monitor_id
    WHERE incident.id = ANY(CAST(:ids AS bigint[]))
        AND (incident.resolved_at IS NOT NULL) = :ended
    ORDER BY incident.id FOR UPDATE OF incident
""")
DUE = text("""
    SELECT id FROM incident WHERE next_step_at <= :now AND resolved_at IS NULL
    ORDER BY next_step_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
""")


@dataclass(slots=True)
class Case:
    """An incident, its monitor, and how far the telling of it is. All moments are UTC."""

    incident_id: int
    monitor_id: int
    workspace_id: int
    cause: Cause
    opened_at: datetime
    last_ping_at: datetime | None
    urgent: bool
    policy_id: int | None
    progress: Progress
    held: Held | None
    blocked_by_id: int | None
    failures: int  # so far
    fold_id: int | None
    monitor_name: str
    tags: frozenset[str]
    grace: timedelta
    failures_needed: int
    failures_of: int | None
    flapping_at: datetime | None

    @property
    def is_told(self) -> bool:
        """Whether somebody was told of it before."""
        return self.progress.step > 0


def load(session: Session, incident_ids: Sequence[int], *, ended: bool = False) -> list[Case]:
    """Hold and return the open ones among some incidents, or the ended ones, by id."""
    return [
        Case(
            incident_id=row.id,
            monitor_id=row.monitor_id,
            workspace_id=row.workspace_id,
            cause=Cause(row.cause),
            opened_at=row.opened_at,
            last_ping_at=row.last_ping_at,
            urgent=row.urgent,
            policy_id=row.policy_id,
            progress=Progress(
                row.told_since, row.step, row.reminders, row.acknowledged, row.snoozed
            ),
            held=Held(row.held) if row.held else None,
            blocked_by_id=row.blocked_by_id,
            failures=row.failures,
            fold_id=row.fold_id,
            monitor_name=row.name,
            tags=frozenset(row.tags),
            grace=row.grace,
            failures_needed=row.failures_needed,
            failures_of=row.failures_of,
            flapping_at=row.flapping_at,
        )
        for row in session.execute(LOAD, {"ids": list(incident_ids), "ended": ended})
    ]


def due(session: Session, now: datetime, limit: int) -> list[int]:
    """Hold and return up to `limit` incidents of which something is to be told at `now` (UTC)."""
    return list(session.scalars(DUE, {"now": now, "limit": limit}))
