"""Nobody is told of a failure as long as there are too few of them."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.failures import Ended, Patience, Silence, enough_at
from earlywatch.domain.monitor import Cause
from earlywatch.models import Incident, Monitor, Outage
from earlywatch.models.incident import Held
from earlywatch.services.cases import Case
from earlywatch.services.hearing import deaf_since
from earlywatch.services.holding import Hold
from earlywatch.services.monitor_lists import Outcome, recent_runs

logger = logging.getLogger(__name__)

AGAIN = timedelta(seconds=10)  # when to look again while we cannot hear
MOST_COUNTED = 1_000  # failures of an incident: more say nothing, and the column is small

# Only what is held for this is looked at: others would get a reminder before its time.
RAISE = text("""
    UPDATE incident SET failures = least(failures + 1, :most),
        next_step_at = CASE WHEN held = 'failures'
            THEN greatest(CAST(:now AS timestamptz), snoozed_until) ELSE next_step_at END
    WHERE monitor_id = :monitor_id AND resolved_at IS NULL
""")


def on_failure(session: Session, monitor_id: int, now: datetime) -> None:
    """Count a further failure of a monitor in trouble; the next round looks whether it is enough.

    Not at once: the pings of its batch are not stored yet.
    """
    session.execute(RAISE, {"monitor_id": monitor_id, "now": now, "most": MOST_COUNTED})


def hold(session: Session, cases: Sequence[Case], now: datetime) -> dict[int, Hold]:
    """Hold what has not failed often enough, until it has if it stays silent."""
    waiting = [case for case in cases if case.failures_needed > 1]
    if not waiting:
        return {}
    ids = [case.monitor_id for case in waiting]
    known = {m.id: m for m in session.scalars(select(Monitor).where(Monitor.id.in_(ids)))}
    expected, runs = _expected(session, waiting), recent_runs(session, ids)
    deaf, since = _deaf_spans(session, waiting), deaf_since(session, now)
    found: dict[int, Hold] = {}
    for case in waiting:
        ended = [Ended(run.at, run.outcome is not Outcome.SUCCESS) for run in runs[case.monitor_id]]
        enough = _enough_at(case, known[case.monitor_id], expected[case.incident_id], ended, deaf)
        if enough is None:
            continue
        until = _look_at(case, enough, since, now)
        if until is not None:
            found[case.incident_id] = Hold(Held.FAILURES, until)
    return found


def _look_at(
    case: Case, enough: datetime, since: datetime | None, now: datetime
) -> datetime | None:
    if since is not None and enough > since:
        return now + AGAIN
    if enough <= now:
        return None
    first_look = case.held is None and case.cause is Cause.FAILED
    return now if first_look else enough  # as in `on_failure`


def _enough_at(
    case: Case,
    monitor: Monitor,
    expected_at: datetime | None,
    runs: Sequence[Ended],
    deaf: Sequence[tuple[datetime, datetime]],
) -> datetime | None:
    """Return when there are enough failures; None if that cannot be known: then at once."""
    began = case.opened_at
    before = [run for run in runs if run.at < began] if case.failures_of else []
    since = [Ended(began, failed=True), *(run for run in runs if run.at > began)]
    try:
        patience = Patience(case.failures_needed, case.failures_of)
        schedule = monitor.schedule
        awaited = expected_at
        if case.cause is Cause.FAILED or awaited is None:
            awaited = schedule.next_after(began)
        elif case.cause is Cause.MISSED or awaited <= began:
            awaited = schedule.next_after(awaited)
        return enough_at(patience, before, since, Silence(schedule, case.grace, awaited, deaf))
    except Exception:  # a schedule that cannot be kept must not keep people from being told
        logger.exception("failures cannot be counted", extra={"monitor_id": case.monitor_id})
        return None


def _expected(session: Session, cases: Sequence[Case]) -> dict[int, datetime | None]:
    ids = [case.incident_id for case in cases]
    query = select(Incident.id, Incident.expected_at).where(Incident.id.in_(ids))
    return {row.id: row.expected_at for row in session.execute(query)}


def _deaf_spans(session: Session, cases: Sequence[Case]) -> list[tuple[datetime, datetime]]:
    """Return when we could not hear since the first of some incidents began, what lasts apart."""
    first = min(case.opened_at for case in cases)
    query = select(Outage.began_at, Outage.ended_at).where(
        or_(Outage.ended_at.is_(None), Outage.ended_at > first)
    )
    return [(began, ended) for began, ended in session.execute(query) if ended is not None]
