"""The statements of the ping path. Every ping goes through them, so psycopg gets them directly."""

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import MonitorState, Rules, Status
from earlywatch.domain.runs import read_runs, write_runs
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.services.incoming import Name, Outcome
from earlywatch.services.reading import Intake, read_intake

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]  # the values of COLUMNS in their order, but for the last one

STATUSES = {status.value: status for status in Status}
GRACE = 4  # its place in what `_rules` takes
IMPATIENT = (1, 0)  # successes that are needed, and that were counted
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

# Nobody waits for a monitor that somebody else holds: the other monitors' pings would wait too.
# What few owners decide comes as one text, null for the others: each column costs every ping.
LOCK = """
    SELECT id, workspace_id, ping_key, status, last_ping_at, last_success_at, expected_at,
        deadline_at, runs,
        CASE WHEN post_only OR NOT sticky_pause OR NOT mask_secrets OR keywords IS NOT NULL
            OR allowed_networks <> '{}'
        THEN CAST(json_build_object('post_only', post_only, 'sticky_pause', sticky_pause,
            'mask_secrets', mask_secrets, 'networks', allowed_networks, 'keywords', keywords)
            AS text) END,
        CASE WHEN successes_needed > 1 THEN ARRAY[successes_needed, recovering] END,
        schedule_kind, period, expression, time_zone, grace, max_runtime, stall_after
    FROM monitor WHERE ping_key = ANY(CAST(%s AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
COLUMNS = (
    *("monitor_id", "received_at", "kind", "reason", "exit_status", "run_id", "duration"),
    *("done", "total", "metrics", "message", "body", "body_cut", "masked", "method", "scheme"),
    *("remote_address", "user_agent", "old_key", "new_source"),
)
# COPY costs half of an INSERT here, in Python as well as in PostgreSQL.
STORE = f"COPY ping ({', '.join(COLUMNS)}) FROM STDIN"
# One JSON text: as arrays, the same values cost PostgreSQL the same and Python twice as much.
# Moments are whole microseconds: as text, they alone would cost Python a fifth of a ping.
UPDATE = """
    UPDATE monitor SET status = new.status,
        last_ping_at = 'epoch'::timestamptz + new.last_ping_at * interval '1 microsecond',
        last_success_at = 'epoch'::timestamptz + new.last_success_at * interval '1 microsecond',
        expected_at = 'epoch'::timestamptz + new.expected_at * interval '1 microsecond',
        deadline_at = 'epoch'::timestamptz + new.deadline_at * interval '1 microsecond',
        runs = new.runs, recovering = new.recovering,
        set_aside_until = NULL  -- judging it has just worked
    FROM json_to_recordset(CAST(%s AS json)) AS new (
        id bigint, status text, last_ping_at bigint, last_success_at bigint, expected_at bigint,
        deadline_at bigint, runs jsonb, recovering smallint
    )
    WHERE monitor.id = new.id
"""
REFUSE = """
    UPDATE monitor SET refused_at = new.at, refused_address = new.address
    FROM unnest(CAST(%s AS bigint[]), CAST(%s AS timestamptz[]), CAST(%s AS inet[]))
        AS new (id, at, address)
    WHERE monitor.id = new.id
"""


@dataclass(slots=True)
class Watched:
    """A locked monitor while a batch is applied to it."""

    id: int
    workspace_id: int
    grace: timedelta
    rules: Rules | str  # or why they cannot be read
    intake: Intake
    state: MonitorState
    heard: bool = False  # a ping changed its state
    stuck: Outcome | None = None  # of a ping that was not applied, so the later ones must not be


def connection_of(session: Session) -> Connection:
    """Return the connection in whose transaction the session works."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def lock(connection: Connection, keys: Collection[UUID]) -> dict[Name, Watched]:
    """Lock the monitors with these ping keys that nobody else holds, by their key."""
    watched: dict[Name, Watched] = {}
    listed = f"{{{','.join([key.hex for key in keys])}}}"  # an array: psycopg would take longer
    for row in connection.execute(LOCK, [listed]):
        monitor_id, workspace_id, key, status, heard, succeeded, expected, deadline, *more = row
        runs, intake, patience, *rules = more
        needed, recovering = patience or IMPATIENT
        watched[key] = Watched(
            monitor_id,
            workspace_id,
            rules[GRACE],
            _rules(*rules, needed),
            read_intake(intake),
            MonitorState(
                STATUSES[status],
                heard,
                succeeded,
                expected,
                deadline,
                read_runs(runs),
                recovering,
            ),
        )
    return watched


def store(connection: Connection, rows: Sequence[Row], new: Collection[int]) -> None:
    """Write pings; those at the places `new` come from a new source."""
    with connection.cursor() as cursor, cursor.copy(STORE) as copy:
        for place, row in enumerate(rows):
            copy.write_row((*row, place in new))


def update(connection: Connection, monitors: Iterable[Watched]) -> None:
    """Write what has become of monitors."""
    states = ",".join([_state_of(monitor) for monitor in monitors])
    connection.execute(UPDATE, [f"[{states}]"])


def refuse(connection: Connection, refused: Sequence[tuple[int, datetime, str | None]]) -> None:
    """Write down when (UTC) and from where monitors had pings that they do not take."""
    connection.execute(REFUSE, [list(column) for column in zip(*refused, strict=True)])


@lru_cache(maxsize=20_000)
def _rules(
    kind: str,
    period: timedelta | None,
    expression: str | None,
    time_zone: str,
    grace: timedelta,
    max_runtime: timedelta | None,
    stall_after: timedelta | None,
    successes_needed: int,
) -> Rules | str:
    schedule: Schedule
    try:
        if period is not None:
            schedule = Interval(period)
        else:
            schedule = (Cron if kind == "cron" else OnCalendar)(expression or "", time_zone)
        return Rules(schedule, grace, max_runtime, stall_after, successes_needed)
    except Exception as error:  # noqa: BLE001 - told with each ping; the others must not suffer
        return str(error)


def _state_of(monitor: Watched) -> str:
    # By hand: `json.dumps` takes three times as long, and nothing here needs escaping.
    state = monitor.state
    runs = json.dumps(write_runs(state.runs)) if state.runs else "null"
    return (
        f'{{"id":{monitor.id},"status":"{state.status.value}",'
        f'"last_ping_at":{_moment(state.last_ping_at)},'
        f'"last_success_at":{_moment(state.last_success_at)},'
        f'"expected_at":{_moment(state.expected_at)},'
        f'"deadline_at":{_moment(state.deadline_at)},"runs":{runs},'
        f'"recovering":{state.recovering}}}'
    )


def _moment(at: datetime | None) -> int | str:
    return "null" if at is None else (at - EPOCH) // MICROSECOND
