"""Incidents and what is told about them: written in the transaction that changed the monitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause, Change, MonitorState
from earlywatch.models import Monitor

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


# The unique index decides who opens an incident when two processes notice at once. Channels are
# locked before deliveries, here and everywhere: one that is being deleted is waited for.
OPEN = text("""
    WITH opened AS (
        INSERT INTO incident
            (monitor_id, cause, opened_at, noticed_at, expected_at, last_ping_at, exit_status)
        SELECT monitor_id, cause, opened_at, :now, expected_at, last_ping_at, exit_status
        FROM unnest(
            CAST(:monitor_ids AS bigint[]), CAST(:causes AS text[]),
            CAST(:opened_ats AS timestamptz[]), CAST(:expected_ats AS timestamptz[]),
            CAST(:last_ping_ats AS timestamptz[]), CAST(:exit_statuses AS smallint[])
        ) AS o (monitor_id, cause, opened_at, expected_at, last_ping_at, exit_status)
        ON CONFLICT (monitor_id) WHERE resolved_at IS NULL DO NOTHING
        RETURNING id, monitor_id
    )
    INSERT INTO delivery (incident_id, channel_id, alert, created_at, next_attempt_at)
    SELECT opened.id, channel.id, 'opened', :now, :now
    FROM opened
    JOIN monitor_channel USING (monitor_id)
    JOIN channel ON channel.id = monitor_channel.channel_id
    WHERE channel.verified_at IS NOT NULL
      AND channel.broken_at IS NULL AND channel.unsubscribed_at IS NULL
    ORDER BY opened.id
    FOR KEY SHARE OF channel
""")

# Who was told of the trouble is told of its end, whoever was added or removed meanwhile.
RESOLVE = text("""
    WITH ended AS (
        UPDATE incident SET resolved_at = greatest(opened_at, :at)
        WHERE monitor_id = :monitor_id AND resolved_at IS NULL
        RETURNING id
    )
    INSERT INTO delivery (incident_id, channel_id, alert, created_at, next_attempt_at)
    SELECT ended.id, told.channel_id, 'resolved', :now, :now
    FROM ended
    JOIN delivery told ON told.incident_id = ended.id AND told.alert = 'opened'
    JOIN channel ON channel.id = told.channel_id
    WHERE channel.broken_at IS NULL AND channel.unsubscribed_at IS NULL
    FOR KEY SHARE OF channel
    ON CONFLICT DO NOTHING
""")
# A pause or a freeze ends the incidents, and calls off what has not been told.
RESOLVE_SILENTLY = text("""
    WITH ended AS (
        UPDATE incident SET resolved_at = greatest(opened_at, stopped.at)
        FROM unnest(CAST(:monitor_ids AS bigint[]), CAST(:ats AS timestamptz[]))
            AS stopped (monitor_id, at)
        WHERE incident.monitor_id = stopped.monitor_id AND resolved_at IS NULL
        RETURNING id
    )
    UPDATE delivery SET state = 'failed', answer = :answer
    FROM ended WHERE delivery.incident_id = ended.id AND delivery.state = 'pending'
""")
# An incident that a ping from before its deadline proves wrong, and what was told of it.
PREMATURE = text("""
    SELECT id FROM incident
    WHERE monitor_id = :monitor_id AND resolved_at IS NULL AND opened_at > :at FOR UPDATE
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
        if change.resolves:
            made += _resolve(session, monitor.id, change, now)
        before = change.state
    if before.status.value != monitor.status or before.running != monitor.state.running:
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
    _resolve_silently(session, {monitor.id: changes[-1] for monitor, changes in stopped})
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
    """Open the incidents that are not open yet, with their deliveries. Return how many of these."""
    return _count(
        session,
        OPEN,
        now=now,
        monitor_ids=[opening.monitor_id for opening in openings],
        causes=[opening.cause.value for opening in openings],
        opened_ats=[opening.opened_at for opening in openings],
        expected_ats=[opening.expected_at for opening in openings],
        last_ping_ats=[opening.last_ping_at for opening in openings],
        exit_statuses=[opening.exit_status for opening in openings],
    )


def notify(session: Session, workspace_id: int) -> None:
    """Tell open pages of the workspace, once this commits, that something changed."""
    session.execute(NOTIFY, {"channel": LIVE_CHANNEL, "workspace_id": workspace_id})


def _resolve(session: Session, monitor_id: int, change: Change, now: datetime) -> int:
    if change.silent:
        _resolve_silently(session, {monitor_id: change})
        return 0
    values = {"monitor_id": monitor_id, "at": change.at}
    if _withdraw(session, values):
        return 0
    return _count(session, RESOLVE, **values, now=now)


def _resolve_silently(session: Session, stopped: Mapping[int, Change]) -> None:
    """End the incidents of monitors, by id, that were all stopped for the same reason."""
    [status] = {change.state.status for change in stopped.values()}
    values = {
        "monitor_ids": list(stopped),
        "ats": [change.at for change in stopped.values()],
        "answer": f"Not sent: the monitor was {status} first.",
    }
    session.execute(RESOLVE_SILENTLY, values)


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


def _count(session: Session, statement: TextClause, **values: object) -> int:
    # An INSERT as the last part of a WITH reports its own rows.
    return session.connection().execute(statement, values).rowcount
