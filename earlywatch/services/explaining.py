"""Why an incident opened, kept with it as it was then: the monitor and its log move on."""

import json
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert_words import one_line
from earlywatch.domain.differences import tail
from earlywatch.domain.hints import Facts, hint
from earlywatch.domain.monitor import Cause, PingKind
from earlywatch.domain.schedule import Schedule, schedule_of
from earlywatch.services.alert_rows import IncidentRow
from earlywatch.services.cases import Case
from earlywatch.services.ping_log import FIRST_ID, OUT_OF_ORDER, TOP

logger = logging.getLogger(__name__)

# Of a storm each is explained by how many there are; looking into the log of each would hold up
# the first alert.
MOST = 300
NAMED = 10  # others that stopped at about the same time
NEARBY = timedelta(minutes=10)
LINES, LONGEST = 5, 500  # of the output
READ = 1_024  # bytes from the end of a body
NEXT_TO = 20  # failures to choose from
MOST_PINGS = 2_000  # looked through for successes: of a job that only logs there may be millions

# One row for each incident: the monitor's rules, its last ping, and where its successes came from.
FACTS = text("""
    SELECT incident.id, incident.cause, incident.opened_at, incident.exit_status,
        incident.outage_id, outage.began_at AS outage_began_at, outage.ended_at AS outage_ended_at,
        monitor.schedule_kind, monitor.period, monitor.expression, monitor.time_zone,
        monitor.refused_at, host(monitor.refused_address) AS refused_address,
        monitor.key_changed_at,
        last.kind AS last_kind, last.received_at AS last_at, last.reason AS last_reason,
        last.message, last.body_end,
        good.moments, good.addresses
    FROM incident
    JOIN monitor ON monitor.id = incident.monitor_id
    LEFT JOIN outage ON outage.id = incident.outage_id
    LEFT JOIN LATERAL (
        SELECT kind, received_at, reason, message, right_bytes.body_end
        FROM ping
        LEFT JOIN LATERAL (
            SELECT substr(body, greatest(octet_length(body) - :read + 1, 1)) AS body_end
        ) AS right_bytes ON true
        WHERE monitor_id = monitor.id ORDER BY monitor_id DESC, id DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(received_at ORDER BY id DESC) AS moments,
            count(DISTINCT remote_address) AS addresses
        FROM (
            SELECT id, received_at, remote_address FROM (
                SELECT id, received_at, remote_address, kind FROM ping
                WHERE monitor_id = monitor.id
                ORDER BY monitor_id DESC, id DESC LIMIT :most_pings
            ) AS lately
            WHERE kind = 'success' ORDER BY id DESC LIMIT 10
        ) AS newest
    ) AS good ON true
    WHERE incident.id = ANY(CAST(:ids AS bigint[]))
""")
# Of each workspace, what stopped at about the same moments.
OTHERS = text("""
    SELECT monitor.workspace_id, incident.id, monitor.name, incident.opened_at
    FROM incident JOIN monitor ON monitor.id = incident.monitor_id
    WHERE monitor.workspace_id = ANY(CAST(:workspace_ids AS bigint[]))
        AND incident.resolved_at IS NULL
        AND incident.opened_at BETWEEN :start AND :end
    ORDER BY incident.opened_at, incident.id LIMIT 3000
""")
KEEP = text("""
    UPDATE incident SET explained = kept.explained
    FROM json_to_recordset(CAST(:explained AS json)) AS kept (id bigint, explained jsonb)
    WHERE incident.id = kept.id
""")

# Of an incident that a ping opened: that ping is stored after the telling was planned. It counts
# as received no earlier than the last one before it, and pings are stored nearly in the order of
# their receipt: so it is among the failures next to a place in the log, on both sides. Rows are
# compared as in `services.ping_log`.
SAID = text("""
    SELECT message, substr(body, greatest(octet_length(body) - :read + 1, 1)) AS body_end
    FROM ping WHERE id = (
        SELECT id FROM (
            (
                SELECT id, received_at FROM ping
                WHERE (monitor_id, kind, id) < (:monitor_id, 'fail', :place)
                    AND (monitor_id, kind, id) >= (:monitor_id, 'fail', 0) AND kind <> 'success'
                ORDER BY monitor_id DESC, kind DESC, id DESC LIMIT :most
            ) UNION ALL (
                SELECT id, received_at FROM ping
                WHERE (monitor_id, kind, id) >= (:monitor_id, 'fail', :place)
                    AND (monitor_id, kind, id) < (:monitor_id, 'fail', :top) AND kind <> 'success'
                ORDER BY monitor_id, kind, id LIMIT :most
            )
        ) AS near
        WHERE received_at BETWEEN :at - CAST(:slack AS interval) AND :at
        ORDER BY received_at DESC, id DESC LIMIT 1
    )
""")

Others = Mapping[int, Sequence[tuple[int, str, datetime]]]


def explain(session: Session, cases: Sequence[Case]) -> None:
    """Write down with incidents that are about to be told of what may be behind them.

    What cannot be explained is told all the same.
    """
    if not cases:
        return
    others = _others(session, cases)
    looked = {case.incident_id for case in cases[:MOST]}
    values = {"ids": sorted(looked), "read": READ, "most_pings": MOST_PINGS}
    rows = session.execute(FACTS, values).all()
    said = {row.id: _explained(row) for row in rows}
    kept = [
        {"id": case.incident_id, "explained": said.get(case.incident_id, {}) | _also(case, others)}
        for case in cases
    ]
    session.execute(KEEP, {"explained": json.dumps(kept)})


def said(session: Session, incident: IncidentRow) -> str:
    """Return the end of what the job said that failed, or said last, on one line."""
    if incident.cause != Cause.FAILED:
        return str((incident.explained or {}).get("output") or "")
    # Where the clock was set back, the opening was brought back with it, and the log was not.
    values = {
        "monitor_id": incident.monitor_id,
        "at": incident.last_ping_at or incident.opened_at,
        "slack": OUT_OF_ORDER,
        "read": READ,
        "most": NEXT_TO,
        "top": TOP,
    }
    row = session.execute(SAID, {**values, "place": TOP}).first()
    if row is None:  # much has come since
        place = session.execute(FIRST_ID, values).scalar_one_or_none() or TOP
        row = session.execute(SAID, {**values, "place": place}).first()
    return _output(row) if row else ""


def _explained(row: Row[Any]) -> dict[str, Any]:
    try:
        return {"output": _output(row), "hint": hint(_facts(row))}
    except Exception:  # an explanation must cost no alert
        logger.exception("incident cannot be explained", extra={"incident_id": row.id})
        return {}


def _facts(row: Row[Any]) -> Facts:
    outage = None
    if row.outage_id is not None and row.outage_ended_at is not None:
        outage = row.outage_began_at, row.outage_ended_at
    return Facts(
        cause=Cause(row.cause),
        opened_at=row.opened_at,
        schedule=_schedule(row),
        time_zone=row.time_zone,
        exit_status=row.exit_status,
        successes=row.moments or (),
        addresses=row.addresses or 0,
        last_kind=PingKind(row.last_kind) if row.last_kind else None,
        last_at=row.last_at,
        ignored_for=row.last_reason,
        refused_at=row.refused_at,
        refused_address=row.refused_address,
        key_changed_at=row.key_changed_at,
        outage=outage,
    )


def _schedule(row: Row[Any]) -> Schedule | None:
    try:
        return schedule_of(row.schedule_kind, row.period, row.expression, row.time_zone)
    except Exception:  # noqa: BLE001 - a version that cannot read it says so elsewhere
        return None


def _output(row: Row[Any]) -> str:
    """Return the end of what the last ping said; secrets were masked when it was stored."""
    body = bytes(row.body_end or b"").decode("utf-8", "replace")
    said = "\n".join(part for part in (row.message, tail(body, LINES)) if part)
    lines = [one_line(line, LONGEST) for line in said.splitlines()]
    return " / ".join(line for line in lines if line)[-LONGEST:]


def _others(session: Session, cases: Sequence[Case]) -> Others:
    moments = [case.opened_at for case in cases]
    values = {
        "workspace_ids": sorted({case.workspace_id for case in cases}),
        "start": min(moments) - NEARBY,
        "end": max(moments) + NEARBY,
    }
    found: dict[int, list[tuple[int, str, datetime]]] = {}
    for workspace_id, incident_id, name, opened_at in session.execute(OTHERS, values):
        found.setdefault(workspace_id, []).append((incident_id, name, opened_at))
    return found


def _also(case: Case, others: Others) -> dict[str, Any]:
    """Return who else stopped: some names, and how many more."""
    stopped = others.get(case.workspace_id, ())
    first = bisect_left(stopped, case.opened_at - NEARBY, key=_moment)
    end = bisect_right(stopped, case.opened_at + NEARBY, key=_moment)
    near = stopped[first : min(end, first + NAMED + 1)]
    names = [name for incident_id, name, _ in near if incident_id != case.incident_id][:NAMED]
    more = end - first - 1 - len(names)
    return {"also": [*names, f"and {more} more"] if more > 0 else names}


def _moment(stopped: tuple[int, str, datetime]) -> datetime:
    return stopped[2]
