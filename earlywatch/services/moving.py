"""After an outage: every deadline that it touches moves on, before anything is judged.

In batches that a crash may cut: each monitor says by which outage it was moved last, so that
nobody moves it twice, and a ping that comes in between finds it as it should be.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import MonitorState
from earlywatch.domain.runs import write_runs
from earlywatch.models import Monitor, Outage
from earlywatch.services import hearing, incidents

BATCH = 1_000
MOVE = text("""
    UPDATE monitor SET expected_at = moved.expected_at, deadline_at = moved.deadline_at,
        look_at = moved.deadline_at, runs = CAST(moved.runs AS jsonb), outage_id = :outage_id
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:expected_ats AS timestamptz[]),
        CAST(:deadline_ats AS timestamptz[]), CAST(:runs AS text[])
    ) AS moved (id, expected_at, deadline_at, runs)
    WHERE monitor.id = moved.id
""")


@dataclass(frozen=True)
class Step:
    """What a batch did: how many monitors it moved, and behind which id to go on; None: done."""

    moved: int
    after: int | None


def move(session: Session, outage: Outage, after: int, now: datetime) -> Step:
    """Move the next monitors with an id above `after` whose deadline an outage touches.

    One that somebody holds is left to the next tick. When there is none left, what is late may be
    judged again from `now` (UTC) on.
    """
    assert outage.ended_at is not None
    touched = select(Monitor.id).where(*_touched(outage))
    next_ones = touched.where(Monitor.id > after).order_by(Monitor.id).limit(BATCH)
    ids = session.scalars(next_ones).all()
    # Asked again once they are locked: a ping may have come first.
    query = select(Monitor).where(Monitor.id.in_(ids), *_touched(outage)).order_by(Monitor.id)
    free = query.with_for_update(key_share=True, skip_locked=True)
    monitors = session.scalars(free.execution_options(populate_existing=True)).all()
    _write(session, outage, monitors)
    if len(ids) == BATCH:
        return Step(len(monitors), ids[-1])
    if session.scalar(touched.limit(1)) is None:
        outage.moved_at = now
        session.flush()
    return Step(len(monitors), None)


def _touched(outage: Outage) -> list[ColumnElement[bool]]:
    return [
        Monitor.deadline_at > outage.began_at,
        or_(Monitor.expected_at <= outage.ended_at, Monitor.runs_json.is_not(None)),
        Monitor.outage_id.is_distinct_from(outage.id),
    ]


def _write(session: Session, outage: Outage, monitors: Sequence[Monitor]) -> None:
    assert outage.ended_at is not None
    states = [
        hearing.moved(each.state, hearing.readable_rules(each), outage.began_at, outage.ended_at)
        for each in monitors
    ]
    values = {
        "outage_id": outage.id,
        "ids": [each.id for each in monitors],
        "expected_ats": [state.expected_at for state in states],
        "deadline_ats": [state.deadline_at for state in states],
        "runs": [_runs(state) for state in states],
    }
    session.execute(MOVE, values)
    for workspace_id in {each.workspace_id for each in monitors}:
        incidents.notify(session, workspace_id)
    for monitor in monitors:
        session.expire(monitor)


def _runs(state: MonitorState) -> str | None:
    return json.dumps(write_runs(state.runs)) if state.runs else None
