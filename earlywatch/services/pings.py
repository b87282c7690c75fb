"""Pings: many at once, each stored and applied to its monitor in one transaction."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import (
    UNWATCHED,
    Change,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_ping,
    on_unjudged_ping,
)
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.models import Monitor
from earlywatch.services import incidents

logger = logging.getLogger(__name__)

IN_TROUBLE = (Status.LATE, Status.FAILED)  # exactly then an incident is open
RULES, GRACE = 6, 4  # how many columns `_rules` takes, and which of them is the grace
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
    UNWATCHED = "unwatched"  # stored, but the monitor is paused or frozen: nothing is judged
    UNKNOWN = "unknown"  # no monitor has this key
    LOCKED = "locked"  # not stored: somebody else holds what it would change, try it again


OUTCOMES = dict.fromkeys(UNWATCHED, Outcome.UNWATCHED)


@dataclass(slots=True)
class Watched:
    """A locked monitor while a batch is applied to it."""

    id: int
    workspace_id: int
    grace: timedelta
    rules: Rules | str  # or why they cannot be read
    state: MonitorState


class Locked(Exception):
    """Somebody else holds what an incident needs, such as a channel that is being deleted."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A ping with what its monitor made of it."""

    monitor_id: int
    ping: IncomingPing
    duration: timedelta | None


# Every ping goes through these statements, so they go to psycopg directly.
# Nobody waits for a monitor that somebody else holds: the other monitors' pings would wait too.
LOCK = """
    SELECT id, workspace_id, ping_key, schedule_kind, period, expression, time_zone, grace,
        max_runtime, status, last_ping_at, last_success_at, expected_at, deadline_at, started_at,
        run_id
    FROM monitor WHERE ping_key = ANY(%s)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
KNOWN = "SELECT ping_key FROM monitor WHERE ping_key = ANY(%s)"
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
    detector last ran. Once a ping is LOCKED, so are the later ones of its monitor. `now` (UTC) is
    when incidents are noticed and told of.
    """
    watched = _lock(session, {ping.ping_key for ping in pings})
    batch = Batch(session, now, _held_by_others(session, pings, watched))
    outcomes = [batch.add(watched.get(ping.ping_key), ping) for ping in pings]
    if batch.stored:
        _store(session, batch.stored)
        _update(session, watched.values())
    for workspace_id in batch.changed:
        incidents.notify(session, workspace_id)
    return outcomes


class Batch:
    """What has been made of the pings so far."""

    def __init__(self, session: Session, now: datetime, locked: set[UUID]) -> None:
        self.stored: list[Stored] = []
        self.changed: set[int] = set()  # workspaces
        self._session = session
        self._now = now
        self._locked = locked
        self._patient = True

    def add(self, monitor: Watched | None, ping: IncomingPing) -> Outcome:
        """Apply the next ping to its monitor, unless an earlier one could not be."""
        if ping.ping_key in self._locked:
            return Outcome.LOCKED
        if monitor is None:
            return Outcome.UNKNOWN
        before = monitor.state
        try:
            self._apply(monitor, ping)
        except Locked:
            self._locked.add(ping.ping_key)
            return Outcome.LOCKED
        self.stored.append(Stored(monitor.id, ping, _duration(before, ping)))
        if _looks_different(before, monitor.state):
            self.changed.add(monitor.workspace_id)
        return OUTCOMES.get(before.status, Outcome.RECORDED)

    def _apply(self, monitor: Watched, ping: IncomingPing) -> None:
        before, changes = monitor.state, _changes(monitor, ping)
        # A success on a monitor that is up, the usual ping, needs no incident and no row object.
        if any(
            change.opens or (change.resolves and before.status in IN_TROUBLE) for change in changes
        ):
            self._tell(monitor, changes, ping.exit_status)
        monitor.state = changes[-1].state

    def _tell(self, monitor: Watched, changes: Sequence[Change], exit_status: int | None) -> None:
        if not self._patient:
            raise Locked
        try:
            with self._session.begin_nested():
                row = self._session.get_one(Monitor, monitor.id)
                row.state = monitor.state
                incidents.apply(self._session, row, changes, self._now, exit_status)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            # It was waited for once; for every incident of the batch, that could take minutes.
            self._patient = False
            logger.warning("incident waits for a lock", extra={"monitor_id": monitor.id})
            raise Locked from error


def _lock(session: Session, keys: set[UUID]) -> dict[UUID, Watched]:
    watched = {}
    for row in _psycopg(session).execute(LOCK, [list(keys)]):
        monitor_id, workspace_id, key, *rest = row
        rules, (status, *moments) = rest[:RULES], rest[RULES:]
        state = MonitorState(STATUSES[status], *moments)
        watched[key] = Watched(monitor_id, workspace_id, rules[GRACE], _rules(*rules), state)
    return watched


def _held_by_others(
    session: Session, pings: Sequence[IncomingPing], watched: Mapping[UUID, Watched]
) -> set[UUID]:
    missing = {ping.ping_key for ping in pings} - watched.keys()
    if not missing:
        return set()
    return {key for (key,) in _psycopg(session).execute(KNOWN, [list(missing)])}


@lru_cache(maxsize=20_000)
def _rules(
    kind: str,
    period: timedelta | None,
    expression: str | None,
    time_zone: str,
    grace: timedelta,
    max_runtime: timedelta | None,
) -> Rules | str:
    schedule: Schedule
    try:
        if period is not None:
            schedule = Interval(period)
        else:
            schedule = (Cron if kind == "cron" else OnCalendar)(expression or "", time_zone)
        return Rules(schedule, grace, max_runtime)
    except Exception as error:  # noqa: BLE001 - told with each ping; the others must not suffer
        return str(error)


def _changes(monitor: Watched, ping: IncomingPing) -> list[Change]:
    """Return what a ping changes. Rules that cannot be kept must cost no ping, not even its own."""
    about, rules = (ping.kind, ping.received_at, ping.run_id), monitor.rules
    if isinstance(rules, Rules):
        try:
            return on_ping(monitor.state, rules, *about)
        except Exception:  # as above
            logger.exception("schedule cannot be kept", extra={"monitor_id": monitor.id})
    else:
        fields = {"monitor_id": monitor.id, "reason": rules}
        logger.error("schedule cannot be read", extra=fields)
    return on_unjudged_ping(monitor.state, monitor.grace, *about)


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
