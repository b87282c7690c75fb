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
        incident.step, incident.reminders, incident.acknowledged_at, incident.snoozed_until,
        incident.policy_id, coalesce(incident.held, '') = 'folded' AS follows,
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
# Of those that were seen to have ended: others may have since, which nobody looks at but the queue.
LATER = text("""
    UPDATE incident SET next_step_at = CAST(:at AS timestamptz)
    WHERE id = ANY(CAST(:ids AS bigint[])) AND next_step_at IS NOT NULL
""")
LOOK_AT = text("""
    UPDATE incident SET next_step_at = CASE
        WHEN resolved_at + CAST(:patience AS interval) > :now
        THEN resolved_at + CAST(:patience AS interval) END
    WHERE id = ANY(CAST(:ids AS bigint[])) AND next_step_at <= :now
""")
CALL_OFF = text("""
    UPDATE delivery SET state = 'failed', answer = :answer
    WHERE incident_id = :first_id AND state IN ('pending', 'gathered')
""")
SET_ASIDE = text("""
    UPDATE incident SET next_step_at = :until
    WHERE fold_id = :fold_id AND resolved_at IS NOT NULL AND next_step_at <= :until
""")
REMINDED = text("""
    SELECT max(created_at) FROM delivery WHERE incident_id = :first_id AND alert = 'reminder'
""")
# To one of which nobody was told on its own: its alerts are those of all.
HAND_ON = text("""
    WITH heir AS (
        SELECT id FROM incident WHERE fold_id = :fold_id AND NOT EXISTS (
            SELECT FROM delivery WHERE delivery.incident_id = incident.id
        ) ORDER BY id LIMIT 1
    ), led AS (UPDATE fold SET first_id = heir.id FROM heir WHERE fold.id = :fold_id)
    UPDATE delivery SET incident_id = heir.id FROM heir WHERE incident_id = :first_id
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
    told of anew; where people are left in peace or all is over, they are handed on instead.
    """
    folding.wait(session, workspace_id)
    for row in session.execute(LEAVE, {"monitor_id": monitor_id}).all():
        members = session.execute(MEMBERS, {"fold_id": row.id}).all()
        lasting = [each for each in members if each.resolved_at is None]
        awake = any(each.acknowledged_at is None and not _is_snoozed(each, now) for each in lasting)
        handed_on = row.first and not awake and _hand_on(session, row)
        if not members:
            session.execute(CLOSE, {"fold_id": row.id, "now": now})
        elif not lasting:
            session.execute(LOOK_NOW, {"fold_id": row.id, "now": now})
        elif row.first and not handed_on:
            first = next((each for each in lasting if not each.follows), lasting[0])
            values = {"fold_id": row.id, "first_id": first.id, "now": now}
            session.execute(BEGIN_ANEW, values)
        elif all(each.follows for each in lasting):
            _take_over(session, row, lasting[0], row, now)


def _hand_on(session: Session, row: Found) -> bool:
    values = {"fold_id": row.id, "first_id": row.first_id}
    return session.connection().execute(HAND_ON, values).rowcount > 0


def _look_at(session: Session, row: Found, now: datetime) -> list[Intent]:
    members: Sequence[Member] = session.execute(MEMBERS, {"fold_id": row.id}).all()
    lasting = [each for each in members if each.resolved_at is None]
    ended = [each.id for each in members if each.resolved_at is not None]
    if not lasting:
        session.execute(CLOSE, {"fold_id": row.id, "now": now})
        session.execute(LATER, {"ids": ended, "at": None})
        # As the end of one, that of all is told of unless it was a pause.
        if not all(each.unwatched for each in members):
            return _news(session, row, AlertKind.RESOLVED)
        session.execute(CALL_OFF, {"first_id": row.first_id, "answer": STOPPED})
        return []
    if all(each.follows for each in lasting):
        led = [each for each in members if each.resolved_at and not each.follows]
        last = max(led, key=lambda each: (each.step, each.reminders, each.id), default=lasting[0])
        _take_over(session, row, lasting[0], last, now)
    awake = [each for each in lasting if each.acknowledged_at is None]
    snoozes = [each.snoozed_until for each in awake if _is_snoozed(each, now)]
    if len(snoozes) == len(awake):  # people are left in peace; the end of all is told anyway
        session.execute(LATER, {"ids": ended, "at": min(snoozes, default=None)})
        return []
    # A reminder has said who is back.
    since = session.scalar(REMINDED, {"first_id": row.first_id})
    news = [each for each in members if _is_news(each, since, now)]
    if not any(each.resolved_at + PATIENCE <= now for each in news if each.resolved_at):
        session.execute(LOOK_AT, {"ids": ended, "patience": PATIENCE, "now": now})
        return []
    session.execute(LATER, {"ids": ended, "at": None})
    return folding.again(session, _news(session, row, AlertKind.OPENED))


def _is_news(member: Member, since: datetime | None, now: datetime) -> bool:
    return bool(
        member.resolved_at is not None
        and member.next_step_at
        and member.next_step_at <= now
        and not member.unwatched
        and (since is None or member.resolved_at > since)
    )


def _is_snoozed(member: Member, now: datetime) -> bool:
    return member.snoozed_until is not None and bool(member.snoozed_until > now)


def _take_over(session: Session, row: Found, heir: Member, last: Member, now: datetime) -> None:
    """Let another one go on where the one that led last has come to."""
    progress = Progress(
        last.told_since or heir.told_since or now, max(last.step, 1), last.reminders
    )
    told_at = recipients.told_at(session, [row.first_id]).get(row.first_id, now)
    # If the policy was deleted, only those that last were given another one.
    policy_id = last.policy_id or heir.policy_id
    route = Policies(session, {row.workspace_id}).chosen(row.workspace_id, policy_id)
    rests = _is_snoozed(heir, now)
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


def _news(session: Session, row: Found, alert: AlertKind) -> list[Intent]:
    told = recipients.told(session, [row.first_id]).get(row.first_id, ())
    return [Intent(case, alert, 0, tuple(told)) for case in _load(session, row.first_id)]


def _load(session: Session, incident_id: int) -> list[Case]:
    """Return one incident, whether it lasts or not; none if it was deleted."""
    return cases.load(session, [incident_id]) or cases.load(session, [incident_id], ended=True)
