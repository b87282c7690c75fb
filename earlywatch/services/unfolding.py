"""What becomes of incidents that are told of together when some of them end."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.escalation import Progress, next_look
from earlywatch.services import cases, folding, recipients
from earlywatch.services.cases import Case
from earlywatch.services.folding import Intent
from earlywatch.services.routing import Policies

logger = logging.getLogger(__name__)

BATCH = 2_000
STOPPED = "Not sent: all its monitors were paused first."
AGAIN = timedelta(minutes=1)  # after a fold that could not be told
# Some are back, others are not: people are told once they had the time to be back, too.
PATIENCE = timedelta(minutes=10)

# The end of one that is folded leaves its row in the queue.
ENDED = text("""
    SELECT DISTINCT fold.id, fold.workspace_id, fold.first_id, fold.closed_at
    FROM (
        SELECT fold_id FROM incident WHERE next_step_at <= :now AND resolved_at IS NOT NULL
        ORDER BY next_step_at, id LIMIT :limit
    ) AS ended LEFT JOIN fold ON fold.id = ended.fold_id
    ORDER BY fold.workspace_id, fold.id
""")
# What is left in the queue though there is nothing to tell any more.
DROP = text("""
    UPDATE incident SET next_step_at = NULL
    WHERE next_step_at <= :now AND resolved_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM fold WHERE fold.id = incident.fold_id AND closed_at IS NULL
    )
""")
MEMBERS = text("""
    SELECT incident.id, incident.resolved_at, incident.next_step_at, incident.told_since,
        incident.step, incident.reminders, incident.snoozed_until, incident.policy_id,
        coalesce(incident.held, '') = 'folded' AS follows,
        monitor.status IN ('paused', 'frozen') AS unwatched
    FROM incident JOIN monitor ON monitor.id = incident.monitor_id
    WHERE incident.fold_id = :fold_id ORDER BY incident.id
""")
CLOSE = text("UPDATE fold SET closed_at = :now WHERE id = :fold_id")
TAKE_OVER = text("""
    UPDATE incident SET held = NULL, next_step_at = :next_step_at, told_since = :told_since,
        step = :step, reminders = :reminders, policy_id = :policy_id,
        snoozed_until = CASE WHEN snoozed_until > :now THEN snoozed_until END
    WHERE id = :id AND resolved_at IS NULL
""")
# Those that came back before are all said to be.
REPORTED = text("""
    UPDATE incident SET next_step_at = NULL
    WHERE fold_id = :fold_id AND resolved_at IS NOT NULL AND next_step_at IS NOT NULL
""")
LOOK_AT = text("""
    UPDATE incident SET next_step_at = CASE
        WHEN resolved_at + CAST(:patience AS interval) > :now
        THEN resolved_at + CAST(:patience AS interval) END
    WHERE fold_id = :fold_id AND resolved_at IS NOT NULL AND next_step_at <= :now
""")
CALL_OFF = text("""
    UPDATE delivery SET state = 'failed', answer = :answer
    WHERE incident_id = :first_id AND state IN ('pending', 'gathered')
""")
SET_ASIDE = text("""
    UPDATE incident SET next_step_at = :until
    WHERE fold_id = :fold_id AND resolved_at IS NOT NULL AND next_step_at <= :until
""")
LAST_TOLD = text("""
    SELECT max(created_at) FROM delivery
    WHERE incident_id = :first_id AND alert IN ('opened', 'reminder', 'escalated')
""")
LEAVE = text("""
    WITH gone AS (
        UPDATE incident SET fold_id = NULL FROM fold
        WHERE incident.monitor_id = :monitor_id AND fold.id = incident.fold_id
            AND fold.closed_at IS NULL
        RETURNING incident.id, fold.id AS fold_id, fold.workspace_id, fold.first_id,
            incident.told_since, incident.step, incident.reminders, incident.policy_id
    )
    SELECT fold_id AS id, workspace_id, first_id, bool_or(id = first_id) AS first,
        max(told_since) AS told_since, max(step) AS step, max(reminders) AS reminders,
        max(policy_id) AS policy_id
    FROM gone GROUP BY fold_id, workspace_id, first_id ORDER BY fold_id
""")
BEGIN_ANEW = text("""
    WITH led AS (UPDATE fold SET first_id = :first_id WHERE id = :fold_id)
    UPDATE incident SET held = CASE WHEN id = :first_id THEN NULL ELSE 'folded' END,
        next_step_at = CASE WHEN id = :first_id
            THEN greatest(CAST(:now AS timestamptz), snoozed_until) END,
        told_since = CASE WHEN id = :first_id THEN NULL ELSE told_since END,
        step = CASE WHEN id = :first_id THEN 0 ELSE step END,
        reminders = CASE WHEN id = :first_id THEN 0 ELSE reminders END
    WHERE fold_id = :fold_id AND resolved_at IS NULL
""")
LOOK_NOW = text("""
    UPDATE incident SET next_step_at = :now
    WHERE fold_id = :fold_id AND resolved_at IS NOT NULL
""")

Found = Row[Any]  # a fold
Member = Row[Any]  # one of its incidents


def look(session: Session, now: datetime) -> list[Intent]:
    """Return what is to be told of folds in which something has ended.

    The end of the last one is told at once. Where others last, one alert lists those that are
    back and those that are not, after a while; and if the one that led has ended, another one
    goes on with its steps. Two at once take turns, workspace by workspace.
    """
    told: list[Intent] = []
    found = session.execute(ENDED, {"now": now, "limit": BATCH}).all()
    lasting = [row for row in found if row.id is not None and row.closed_at is None]
    for row in lasting:
        try:
            with session.begin_nested():
                if folding.lock(session, row.workspace_id):
                    told += _look_at(session, row, now)
        except Exception:  # one broken fold must not keep the others from being told
            logger.exception("fold cannot be told, set aside", extra={"fold_id": row.id})
            session.execute(SET_ASIDE, {"fold_id": row.id, "until": now + AGAIN})
    if len(lasting) < len(found):
        session.execute(DROP, {"now": now})
    return told


def leave(session: Session, workspace_id: int, monitor_id: int, now: datetime) -> None:
    """Let the others be told of without this monitor, which is about to be deleted.

    With its incidents go the alerts that hang on them. If these told of others too, they are
    told of anew.
    """
    folding.wait(session, workspace_id)
    for row in session.execute(LEAVE, {"monitor_id": monitor_id}).all():
        members = session.execute(MEMBERS, {"fold_id": row.id}).all()
        lasting = [each for each in members if each.resolved_at is None]
        if not members:
            session.execute(CLOSE, {"fold_id": row.id, "now": now})
        elif not lasting:
            session.execute(LOOK_NOW, {"fold_id": row.id, "now": now})
        elif row.first:
            first = next((each for each in lasting if not each.follows), lasting[0])
            values = {"fold_id": row.id, "first_id": first.id, "now": now}
            session.execute(BEGIN_ANEW, values)
        elif all(each.follows for each in lasting):
            _take_over(session, row, lasting[0], row, now)


def _look_at(session: Session, row: Found, now: datetime) -> list[Intent]:
    members: Sequence[Member] = session.execute(MEMBERS, {"fold_id": row.id}).all()
    lasting = [each for each in members if each.resolved_at is None]
    if not lasting:
        session.execute(CLOSE, {"fold_id": row.id, "now": now})
        session.execute(REPORTED, {"fold_id": row.id})
        # As the end of one, that of all is told of unless it was a pause.
        if not all(each.unwatched for each in members):
            return _news(session, row, AlertKind.RESOLVED, 0)
        session.execute(CALL_OFF, {"first_id": row.first_id, "answer": STOPPED})
        return []
    if all(each.follows for each in lasting):
        led = [each for each in members if each.resolved_at and not each.follows]
        last = max(led, key=lambda each: (each.step, each.reminders, each.id), default=lasting[0])
        _take_over(session, row, lasting[0], last, now)
    news = [each for each in members if _is_news(each, now) and not each.unwatched]
    if not any(each.resolved_at + PATIENCE <= now for each in news if each.resolved_at):
        values = {"fold_id": row.id, "patience": PATIENCE, "now": now}
        session.execute(LOOK_AT, values)
        return []
    session.execute(REPORTED, {"fold_id": row.id})
    return _news(session, row, AlertKind.OPENED, folding.next_number(session, row.first_id))


def _is_news(member: Member, now: datetime) -> bool:
    return bool(
        member.resolved_at is not None and member.next_step_at and member.next_step_at <= now
    )


def _take_over(session: Session, row: Found, heir: Member, last: Member, now: datetime) -> None:
    """Let another one go on where the one that led last has come to."""
    progress = Progress(
        last.told_since or heir.told_since or now, max(last.step, 1), last.reminders
    )
    told_at = session.scalar(LAST_TOLD, {"first_id": row.first_id}) or now
    route = Policies(session, {row.workspace_id}).chosen(row.workspace_id, last.policy_id)
    rests = heir.snoozed_until is not None and heir.snoozed_until > now
    values = {
        "now": now,
        "id": heir.id,
        "next_step_at": heir.snoozed_until if rests else next_look(route.plan, progress, told_at),
        "told_since": progress.since,
        "step": progress.step,
        "reminders": progress.reminders,
        "policy_id": route.id,
    }
    session.execute(TAKE_OVER, values)


def _news(session: Session, row: Found, alert: AlertKind, number: int) -> list[Intent]:
    told = recipients.told(session, [row.first_id]).get(row.first_id, ())
    return [Intent(case, alert, number, tuple(told)) for case in _load(session, row.first_id)]


def _load(session: Session, incident_id: int) -> list[Case]:
    """Return one incident, whether it lasts or not; none if it was deleted."""
    return cases.load(session, [incident_id]) or cases.load(session, [incident_id], ended=True)
