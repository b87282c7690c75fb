"""Incidents and what is told about them: written in the transaction that changed the monitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import IN_TROUBLE, Cause, Change, MonitorState
from earlywatch.models import Monitor
from earlywatch.services import dependencies, failures, telling

LIVE_CHANNEL = "earlywatch_live"


@dataclass(frozen=True)
class Opening:
    """An incident about to be written, with what the monitor knew at that moment (UTC)."""

    monitor_id: int
    cause: Cause
    opened_at: datetime
    expected_at: datetime | None
    last_ping_at: datetime | None
    exit_status: int | None = None


# The unique index decides who opens an incident when two processes notice at once.
OPEN = text("""
    INSERT INTO incident (monitor_id, cause, opened_at, noticed_at, expected_at, last_ping_at,
        exit_status, urgent, outage_id, next_step_at)
    SELECT o.monitor_id, o.cause, o.opened_at, :now, o.expected_at, o.last_ping_at,
        o.exit_status, monitor.urgent, outage.id, :now
    FROM unnest(
        CAST(:monitor_ids AS bigint[]), CAST(:causes AS text[]),
        CAST(:opened_ats AS timestamptz[]), CAST(:expected_ats AS timestamptz[]),
        CAST(:last_ping_ats AS timestamptz[]), CAST(:exit_statuses AS smallint[])
    ) WITH ORDINALITY AS o (monitor_id, cause, opened_at, expected_at, last_ping_at, exit_status,
        place)
    JOIN monitor ON monitor.id = o.monitor_id
    -- Of our own, in which the success that is missed may have been sent and lost.
    LEFT JOIN outage ON outage.id = monitor.outage_id
        AND outage.ended_at > coalesce(monitor.last_success_at, '-infinity')
    -- As given, however they are joined: who comes first in a fold leads it.
    ORDER BY o.place
    ON CONFLICT (monitor_id) WHERE resolved_at IS NULL DO NOTHING
    RETURNING id
""")
# Of one that was told of together with others, see `services.unfolding`.
RESOLVE = text("""
    UPDATE incident SET resolved_at = greatest(opened_at, :at),
        next_step_at = CASE WHEN fold_id IS NOT NULL THEN CAST(:now AS timestamptz) END
    WHERE monitor_id = :monitor_id AND resolved_at IS NULL
    RETURNING id
""")
# A pause or a freeze ends the incidents, and calls off what has not been told.
RESOLVE_SILENTLY = text("""
    WITH ended AS (
        UPDATE incident SET resolved_at = greatest(opened_at, stopped.at),
            next_step_at = CASE WHEN fold_id IS NOT NULL THEN CAST(:now AS timestamptz) END
        FROM unnest(CAST(:monitor_ids AS bigint[]), CAST(:ats AS timestamptz[]))
            AS stopped (monitor_id, at)
        WHERE incident.monitor_id = stopped.monitor_id AND resolved_at IS NULL
        RETURNING id, fold_id
    )
    UPDATE delivery SET state = 'failed', answer = :answer
    FROM ended
    WHERE delivery.incident_id = ended.id AND delivery.state IN ('pending', 'gathered')
        -- What tells of others too stays.
        AND NOT EXISTS (
            SELECT FROM incident AS other
            WHERE other.fold_id = ended.fold_id AND other.resolved_at IS NULL
                AND other.id NOT IN (SELECT id FROM ended)
        )
""")
# An incident that a ping from before its deadline proves wrong, and what was told of it.
PREMATURE = text("""
    SELECT id FROM incident
    WHERE monitor_id = :monitor_id AND resolved_at IS NULL AND opened_at > :at
        AND fold_id IS NULL FOR UPDATE
""")
LOCK_TOLD = text("""
    SELECT FROM channel JOIN delivery ON delivery.channel_id = channel.id
    WHERE delivery.incident_id = :incident_id ORDER BY channel.id FOR KEY SHARE OF channel
""")
TOLD = text("SELECT attempts FROM delivery WHERE incident_id = :incident_id FOR UPDATE")
WITHDRAW = text("DELETE FROM incident WHERE id = :incident_id")
NOTIFY = text("SELECT pg_notify(:channel, CAST(:workspace_id AS text))")


def apply(
    session: Session,
    monitor: Monitor,
    changes: Sequence[Change],
    now: datetime,
    exit_status: int | None = None,
) -> int:
    """Store the changes of a locked monitor, in order. Return the number of new deliveries.

    `exit_status` is that of the ping that caused the changes, if it had one.
    """
    before, made = monitor.state, 0
    for change in changes:
        if change.opens:
            opening = opening_of(monitor.id, before, change, exit_status)
            made += open_all(session, [opening], now)
            if before.status in IN_TROUBLE:
                failures.on_failure(session, monitor.id, now)
        if change.resolves:
            made += _resolve(session, monitor.id, change, now)
        before = change.state
    was = monitor.state
    if (was.status, was.running, was.recovering) != (
        before.status,
        before.running,
        before.recovering,
    ):
        notify(session, monitor.workspace_id)
    monitor.state = before
    session.flush()
    return made


def stop_all(
    session: Session, stopped: Sequence[tuple[Monitor, Sequence[Change]]], now: datetime
) -> None:
    """Store the changes of many locked monitors that were all stopped for the same reason.

    Their incidents end without a word. Their channels must be locked as well. Telling open pages
    is left to the caller.
    """
    openings = [
        opening_of(monitor.id, monitor.state, change)
        for monitor, changes in stopped
        for change in changes
        if change.opens
    ]
    open_all(session, openings, now)
    _resolve_silently(session, {monitor.id: changes[-1] for monitor, changes in stopped}, now)
    for monitor, changes in stopped:
        monitor.state = changes[-1].state
    session.flush()


def opening_of(
    monitor_id: int, before: MonitorState, change: Change, exit_status: int | None = None
) -> Opening:
    """Return the incident that `change` opens on a monitor that was in the state `before`."""
    assert change.opens is not None
    return Opening(
        monitor_id=monitor_id,
        cause=change.opens,
        opened_at=change.at,
        expected_at=before.expected_at,
        last_ping_at=change.state.last_ping_at,
        exit_status=exit_status if change.opens is Cause.FAILED else None,
    )


def open_all(session: Session, openings: Sequence[Opening], now: datetime) -> int:
    """Open the incidents that are not open yet, and plan who is told. Return how many alerts."""
    values = {
        "now": now,
        "monitor_ids": [opening.monitor_id for opening in openings],
        "causes": [opening.cause.value for opening in openings],
        "opened_ats": [opening.opened_at for opening in openings],
        "expected_ats": [opening.expected_at for opening in openings],
        "last_ping_ats": [opening.last_ping_at for opening in openings],
        "exit_statuses": [opening.exit_status for opening in openings],
    }
    return telling.tell(session, session.scalars(OPEN, values).all(), now)


def notify(session: Session, workspace_id: int) -> None:
    """Tell open pages of the workspace, once this commits, that something changed."""
    session.execute(NOTIFY, {"channel": LIVE_CHANNEL, "workspace_id": workspace_id})


def _resolve(session: Session, monitor_id: int, change: Change, now: datetime) -> int:
    if change.silent:
        _resolve_silently(session, {monitor_id: change}, now)
        return 0
    dependencies.wake(session, [monitor_id], now)
    values = {"monitor_id": monitor_id, "at": change.at, "now": now}
    if _withdraw(session, values):
        return 0
    return telling.tell_end(session, session.scalars(RESOLVE, values).all(), now)


def _resolve_silently(session: Session, stopped: Mapping[int, Change], now: datetime) -> None:
    """End the incidents of monitors, by id, that were all stopped for the same reason."""
    [status] = {change.state.status for change in stopped.values()}
    values = {
        "monitor_ids": list(stopped),
        "ats": [change.at for change in stopped.values()],
        "answer": f"Not sent: the monitor was {status} first.",
        "now": now,
    }
    session.execute(RESOLVE_SILENTLY, values)
    dependencies.wake(session, stopped, now)


def _withdraw(session: Session, values: dict[str, Any]) -> bool:
    """Take back an incident that nobody was told of and that never was.

    Its ping came before the deadline and was written down after the detector had looked. Where
    somebody was told, the end of it says so.
    """
    incident_id = session.scalar(PREMATURE, values)
    if incident_id is None:
        return False
    found = {"incident_id": incident_id}
    session.execute(LOCK_TOLD, found)
    if any(session.scalars(TOLD, found)):
        return False
    session.execute(WITHDRAW, found)
    return True
