"""Pings: many at once, each stored and applied to its monitor in one transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import (
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_ping,
)
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.models import Monitor
from earlywatch.services import incidents

IN_TROUBLE = (Status.LATE, Status.FAILED)  # exactly then an incident is open
RULES = 6  # columns that `_rules` takes
STATUSES = {status.value: status for status in Status}


@dataclass(frozen=True, slots=True)
class IncomingPing:
    """What a job told us. `received_at` (UTC) is when it reached us, before any waiting."""

    ping_key: UUID
    kind: PingKind
    received_at: datetime
    method: str
    scheme: str
    exit_status: int | None = None
    run_id: UUID | None = None
    message: str | None = None
    body: bytes | None = None
    body_cut: bool = False
    remote_address: str | None = None
    user_agent: str | None = None


class Outcome(Enum):
    """What became of a ping."""

    RECORDED = "recorded"
    PAUSED = "paused"  # stored, but the monitor is not judged
    UNKNOWN = "unknown"  # no monitor has this key


OUTCOMES = {Status.PAUSED: Outcome.PAUSED}


@dataclass(slots=True)
class Watched:
    """A locked monitor while a batch is applied to it."""

    id: int
    workspace_id: int
    rules: Rules
    state: MonitorState


@dataclass(frozen=True, slots=True)
class Stored:
    """A ping with what its monitor made of it."""

    monitor_id: int
    ping: IncomingPing
    duration: timedelta | None


# Every ping goes through these three statements, so they go to psycopg directly.
# Locked in the order of their ids, so that two batches cannot wait for each other.
LOCK = """
    SELECT id, workspace_id, ping_key, schedule_kind, period, expression, time_zone, grace,
        max_runtime, status, last_ping_at, last_success_at, expected_at, deadline_at, started_at,
        run_id
    FROM monitor WHERE ping_key = ANY(%s)
    ORDER BY id FOR NO KEY UPDATE
"""
# COPY costs half of an INSERT here, in Python as well as in PostgreSQL.
STORE = """
    COPY ping (monitor_id, received_at, kind, exit_status, run_id, duration, message, body,
        body_cut, method, scheme, remote_address, user_agent) FROM STDIN
"""
# One JSON text: as arrays, the same values cost PostgreSQL the same and Python twice as much.
# The names are those of the fields of MonitorState.
UPDATE = """
    UPDATE monitor SET status = new.status, last_ping_at = new.last_ping_at,
        last_success_at = new.last_success_at, expected_at = new.expected_at,
        deadline_at = new.deadline_at, started_at = new.started_at, run_id = new.run_id,
        set_aside_until = NULL  -- judging it has just worked
    FROM json_to_recordset(CAST(%s AS json)) AS new (
        id bigint, status text, last_ping_at timestamptz, last_success_at timestamptz,
        expected_at timestamptz, deadline_at timestamptz, started_at timestamptz, run_id uuid
    )
    WHERE monitor.id = new.id
"""


def record(session: Session, pings: Sequence[IncomingPing], now: datetime) -> list[Outcome]:
    """Store pings and update their monitors, in the order given. Return one outcome for each.

    A deadline that passed unnoticed is settled first: what happened must not depend on when the
    detector last ran. `now` (UTC) is when incidents are noticed and told of.
    """
    watched = _lock(session, {ping.ping_key for ping in pings})
    stored: list[Stored] = []
    outcomes: list[Outcome] = []
    changed: set[int] = set()
    for ping in pings:
        monitor = watched.get(ping.ping_key)
        if monitor is None:
            outcomes.append(Outcome.UNKNOWN)
            continue
        before = monitor.state
        _apply(session, monitor, ping, now)
        stored.append(Stored(monitor.id, ping, _duration(before, ping)))
        outcomes.append(OUTCOMES.get(before.status, Outcome.RECORDED))
        if _looks_different(before, monitor.state):
            changed.add(monitor.workspace_id)
    if stored:
        _store(session, stored)
        _update(session, watched.values())
    for workspace_id in changed:
        incidents.notify(session, workspace_id)
    return outcomes


def _lock(session: Session, keys: set[UUID]) -> dict[UUID, Watched]:
    watched = {}
    for row in _psycopg(session).execute(LOCK, [list(keys)]):
        monitor_id, workspace_id, key, *rest = row
        rules, (status, *moments) = rest[:RULES], rest[RULES:]
        state = MonitorState(STATUSES[status], *moments)
        watched[key] = Watched(monitor_id, workspace_id, _rules(*rules), state)
    return watched


@lru_cache(maxsize=20_000)
def _rules(
    kind: str,
    period: timedelta | None,
    expression: str | None,
    time_zone: str,
    grace: timedelta,
    max_runtime: timedelta | None,
) -> Rules:
    schedule: Schedule
    if period is not None:
        schedule = Interval(period)
    else:
        schedule = (Cron if kind == "cron" else OnCalendar)(expression or "", time_zone)
    return Rules(schedule, grace, max_runtime)


def _apply(session: Session, monitor: Watched, ping: IncomingPing, now: datetime) -> None:
    before = monitor.state
    changes = on_ping(before, monitor.rules, ping.kind, ping.received_at, ping.run_id)
    monitor.state = changes[-1].state
    # A success on a monitor that is up, the usual ping, needs no incident and no row object.
    if any(change.opens or (change.resolves and before.status in IN_TROUBLE) for change in changes):
        row = session.get_one(Monitor, monitor.id)
        row.state = before
        incidents.apply(session, row, changes, now, ping.exit_status)


def _looks_different(before: MonitorState, after: MonitorState) -> bool:
    """Whether an open page must hear of it at once; it looks for new pings by itself."""
    return before.status is not after.status or before.running != after.running


def _duration(before: MonitorState, ping: IncomingPing) -> timedelta | None:
    if before.started_at is None or ping.kind not in (PingKind.SUCCESS, PingKind.FAIL):
        return None
    if ping.run_id != before.run_id:
        return None
    return max(ping.received_at - before.started_at, timedelta(0))


def _store(session: Session, stored: list[Stored]) -> None:
    with _psycopg(session).cursor() as cursor, cursor.copy(STORE) as copy:
        for each in stored:
            ping = each.ping
            copy.write_row(
                (
                    each.monitor_id,
                    ping.received_at,
                    ping.kind.value,
                    ping.exit_status,
                    ping.run_id,
                    each.duration,
                    ping.message,
                    ping.body,
                    ping.body_cut,
                    ping.method,
                    ping.scheme,
                    ping.remote_address,
                    ping.user_agent,
                )
            )


def _update(session: Session, monitors: Iterable[Watched]) -> None:
    states = [{"id": monitor.id, **vars(monitor.state)} for monitor in monitors]
    _psycopg(session).execute(UPDATE, [json.dumps(states, default=str)])


def _psycopg(session: Session) -> psycopg.Connection[Any]:
    """Return the connection in whose transaction the session works."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection
