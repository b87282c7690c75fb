"""The detector: finds deadlines that passed. It never builds or evaluates a schedule."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import Row, Select, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import MonitorState, Status, on_deadline
from earlywatch.domain.outages import SLACK
from earlywatch.domain.volume import Volume
from earlywatch.models import Monitor, Tick
from earlywatch.models.tick import DETECTOR
from earlywatch.services import hearing, incidents, outages
from earlywatch.services.incidents import Opening
from earlywatch.services.outbox import commit_lazily

logger = logging.getLogger(__name__)

TICK = DETECTOR
BATCH = 2_000
SET_ASIDE = timedelta(minutes=5)
STALE_TICK = timedelta(seconds=30)

# Only what judging needs: ten thousand whole rows would take the tick's time to load.
JUDGED = (
    Monitor.id,
    Monitor.workspace_id,
    Monitor.status,
    Monitor.grace,
    Monitor.last_ping_at,
    Monitor.last_success_at,
    Monitor.expected_at,
    Monitor.deadline_at,
)

# What `domain.monitor.on_deadline` changes, for a whole batch at once.
MARK_LATE = text("""
    UPDATE monitor SET status = 'late', deadline_at = NULL, look_at = NULL, set_aside_until = NULL
    WHERE id = ANY(CAST(:monitor_ids AS bigint[]))
""")

# A ping moved the deadline on since.
LOOK_LATER = text(
    "UPDATE monitor SET look_at = deadline_at WHERE id = ANY(CAST(:monitor_ids AS bigint[]))"
)

# Whoever holds what an incident needs, such as a channel being deleted, is not waited for long.
WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '1s'")
# Once that was too short for a batch.
HARDLY_WAIT = text("SET LOCAL lock_timeout = '100ms'")


@dataclass(frozen=True)
class Round:
    """What one round of the detector did."""

    looked: int  # monitors
    judged: int  # of these, whose deadline had passed, set-aside ones included
    deliveries: int
    held: frozenset[int] = frozenset()  # workspaces in which somebody held what an incident needs


def detect(
    session: Session,
    now: datetime,
    limit: int = BATCH,
    volume: Volume | None = None,
    passed_over: Collection[int] = (),
) -> Round:
    """Look at up to `limit` monitors at `now` (UTC), and judge those whose deadline has passed.

    Running twice at once is harmless: each locks its own rows. A monitor whose judging raises is
    set aside and logged, and the others are judged. While we cannot hear, only what had passed
    before is judged; so it is where `volume`, in which the round is noted, says that far fewer
    monitors are heard than usual. Monitors of workspaces that were `held` stay due: the next round
    of the same tick should pass these over.
    """
    session.execute(WAIT_BRIEFLY)
    upto, sure = _judged_upto(session, now)
    looked_at: Sequence[Row[*tuple[Any, ...]]] = session.execute(
        _due(upto, sure, now, limit).where(Monitor.workspace_id.not_in(passed_over))
    ).all()
    early = [row.id for row in looked_at if row.deadline_at is None or row.deadline_at > upto]
    if early:
        session.execute(LOOK_LATER, {"monitor_ids": early})
    overdue = [row for row in looked_at if row.deadline_at is not None and row.deadline_at <= upto]
    if volume is not None and _is_too_quiet(session, volume, len(early), overdue, now):
        return Round(0, 0, 0)
    openings = [opening for row in overdue if (opening := _judge(session, row, now))]
    if not openings:
        return Round(len(looked_at), len(overdue), 0)
    workspaces = {row.id: row.workspace_id for row in overdue}
    made, held = _write_all(session, openings, workspaces, now)
    for workspace_id in {row.workspace_id for row in overdue}:
        incidents.notify(session, workspace_id)
    return Round(len(looked_at), len(overdue), made, held)


def _judged_upto(session: Session, now: datetime) -> tuple[datetime, datetime]:
    """Return up to when deadlines are judged, and up to when we have surely heard (UTC)."""
    known = hearing.find(session)
    silence = hearing.silence(session, now, known)
    if silence is not None:
        return silence.began_at, silence.began_at
    return now, known.proof or now


def _due(upto: datetime, sure: datetime, now: datetime, limit: int) -> Select[*tuple[Any, ...]]:
    """Monitors to look at. Where a ping could have come since we heard last, that is waited for."""
    return (
        select(*JUDGED)
        .where(
            Monitor.look_at <= upto,
            or_(
                Monitor.deadline_at > upto,
                Monitor.deadline_at <= sure + SLACK,
                Monitor.expected_at <= sure,
                Monitor.deadline_at.is_(None),
            ),
            or_(Monitor.set_aside_until.is_(None), Monitor.set_aside_until <= now),
        )
        .order_by(Monitor.look_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _is_too_quiet(
    session: Session,
    volume: Volume,
    heard: int,
    overdue: Sequence[Row[*tuple[Any, ...]]],
    now: datetime,
) -> bool:
    volume.note(now, heard, [row.workspace_id for row in overdue])
    return bool(overdue) and volume.is_low and outages.note_low_volume(session, now)


def _judge(session: Session, row: Row[*tuple[Any, ...]], now: datetime) -> Opening | None:
    try:
        before = MonitorState(
            status=Status(row.status),
            last_ping_at=row.last_ping_at,
            last_success_at=row.last_success_at,
            expected_at=row.expected_at,
            deadline_at=row.deadline_at,
        )
        change = on_deadline(before, row.grace, now)
        assert change is not None
        return incidents.opening_of(row.id, before, change)
    except Exception:  # one broken monitor must not silence the others
        logger.exception("judging failed, monitor set aside", extra={"monitor_id": row.id})
        _set_aside(session, row.id, now)
        return None


def _write(session: Session, openings: list[Opening], now: datetime) -> int:
    made = incidents.open_all(session, openings, now)
    session.execute(MARK_LATE, {"monitor_ids": [opening.monitor_id for opening in openings]})
    return made


def _write_all(
    session: Session, openings: list[Opening], workspaces: Mapping[int, int], now: datetime
) -> tuple[int, frozenset[int]]:
    """Write all at once; if that fails, each workspace apart. Return alerts, and what was held."""
    try:
        with session.begin_nested():
            return _write(session, openings, now), frozenset()
    except SQLAlchemyError as error:
        _log(error, "detection of a batch failed, taking its workspaces one by one")
    session.execute(HARDLY_WAIT)
    apart: dict[int, list[Opening]] = defaultdict(list)
    for opening in openings:
        apart[workspaces[opening.monitor_id]].append(opening)
    made = {each: _write_apart(session, each, apart[each], now) for each in apart}
    held = frozenset(each for each, alerts in made.items() if alerts is None)
    return sum(alerts or 0 for alerts in made.values()), held


def _write_apart(
    session: Session, workspace_id: int, openings: list[Opening], now: datetime
) -> int | None:
    """Write what one workspace is told of; None if somebody holds what that needs.

    What breaks is set aside, and the others are written.
    """
    try:
        with session.begin_nested():
            return _write(session, openings, now)
    except SQLAlchemyError as error:
        fields = {"workspace_id": workspace_id}
        _log(error, "incidents of a workspace cannot be written", fields)
        if _is_lock(error):
            return None
    if len(openings) == 1:
        _set_aside(session, openings[0].monitor_id, now)
        return 0
    made = 0
    for each in openings:
        alone = _write_apart(session, workspace_id, [each], now)
        if alone is None:
            return None
        made += alone
    return made


def _is_lock(error: SQLAlchemyError) -> bool:
    return isinstance(error.__cause__, LockNotAvailable)


def _log(error: SQLAlchemyError, words: str, fields: dict[str, int] | None = None) -> None:
    if _is_lock(error):
        logger.warning("incidents wait for a lock", extra=fields)
    else:
        logger.error(words, exc_info=error, extra=fields)


def _set_aside(session: Session, monitor_id: int, now: datetime) -> None:
    session.execute(
        update(Monitor)
        .where(Monitor.id == monitor_id)
        .values(set_aside_until=now + SET_ASIDE)
        .execution_options(synchronize_session=False)
    )


def mark_tick(session: Session, now: datetime) -> None:
    """Remember that a whole round of the detector ended at `now` (UTC)."""
    commit_lazily(session)  # it comes again in a second
    Tick.mark(session, TICK, now)


def is_ticking(session: Session, now: datetime) -> bool:
    """Whether the detector ran in the last `STALE_TICK` before `now` (UTC)."""
    tick = session.get(Tick, TICK)
    return tick is not None and now - tick.ticked_at <= STALE_TICK
