"""What need not be sent, or not yet, because of another message of the same trouble."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.services import turns
from earlywatch.services.composing import Told
from earlywatch.services.outbox import LEASE, Claim

SOON = timedelta(seconds=1)  # until what is on its way has probably arrived

EARLIER = text("""
    SELECT next_attempt_at, last_attempt_at FROM delivery
    WHERE incident_id = :incident_id AND channel_id = :channel_id AND state = 'pending'
        AND id < :id
    ORDER BY next_attempt_at DESC LIMIT 1
""")
# All of a channel at once: when much of it fails, much waits.
WAIT_BEHIND = text("""
    UPDATE delivery SET next_attempt_at = behind.until, turn_at = behind.until
    FROM (
        SELECT waiting.id, earlier.next_attempt_at AS until
        FROM delivery AS waiting JOIN delivery AS earlier USING (incident_id, channel_id)
        WHERE waiting.channel_id = :channel_id AND waiting.state = 'pending'
            AND waiting.next_attempt_at <= :now AND earlier.state = 'pending'
            AND earlier.id < waiting.id AND earlier.next_attempt_at > :leased
        FOR UPDATE OF waiting SKIP LOCKED
    ) AS behind
    WHERE delivery.id = behind.id
""")
# One message says both.
MERGE = text("""
    UPDATE delivery SET state = 'merged', leader_id = :id
    WHERE incident_id = :incident_id AND channel_id = :channel_id AND alert = 'resolved'
        AND state IN ('pending', 'gathered')
""")
CALL_OFF = text("""
    UPDATE delivery SET state = 'merged', answer = :answer, leader_id = (
        SELECT id FROM delivery
        WHERE incident_id = :incident_id AND channel_id = :channel_id AND alert = 'resolved'
    )
    WHERE id = :id AND state = 'pending'
""")
TOLD_BEFORE = text("""
    SELECT id FROM delivery
    WHERE incident_id = :incident_id AND channel_id = :channel_id AND state = 'sent'
        AND alert <> 'resolved' AND id < :id
    LIMIT 1
""")
# While all of it that lasts is acknowledged or snoozed, nobody needs to hear that it lasts.
REST = text("""
    SELECT bool_and(acknowledged_at IS NOT NULL) AS acknowledged, bool_and(
        acknowledged_at IS NOT NULL OR coalesce(snoozed_until > :now, false)
    ) AS any
    FROM incident WHERE resolved_at IS NULL AND (
        id = :incident_id OR fold_id = (SELECT fold_id FROM incident WHERE id = :incident_id)
    )
""")
# The fallback channel need not be told either.
SPARE = text("""
    UPDATE delivery SET state = 'failed', answer = :answer, fallback_at = :now
    WHERE id = :id AND state = 'pending'
""")
SPARED = text("""
    SELECT bool_and(state = 'failed' AND answer = ANY(:answers)) FROM delivery
    WHERE incident_id = :incident_id AND channel_id = :channel_id AND alert <> 'resolved'
""")
PUT_BACK = text("""
    UPDATE delivery SET state = 'pending', fallback_at = NULL, due_at = greatest(due_at, :now),
        next_attempt_at = greatest(due_at, :now), turn_at = greatest(due_at, :now)
    WHERE alert = 'escalated' AND state = 'failed' AND answer = ANY(:answers) AND incident_id IN (
        SELECT id FROM incident
        WHERE id = :incident_id OR fold_id = (SELECT fold_id FROM incident WHERE id = :incident_id)
    )
""")
# A reminder adds nothing to a later one that may go out now, nor to what was sent after it was
# planned.
SAYS_AS_MUCH = text("""
    SELECT other.id FROM delivery AS reminder JOIN delivery AS other USING (incident_id, channel_id)
    WHERE reminder.id = :id AND (
        (
            other.alert = 'reminder' AND other.id > reminder.id
            AND other.state = 'pending' AND other.next_attempt_at <= :now
        ) OR (
            other.alert IN ('opened', 'escalated', 'reminder')
            AND other.state = 'sent' AND other.sent_at >= reminder.created_at
        )
    )
    ORDER BY other.id DESC LIMIT 1
""")
FOLLOW = text("""
    UPDATE delivery SET state = 'merged', leader_id = :leader_id
    WHERE id = :id AND state = 'pending'
""")
OVER = "Not sent: it was over first."
ACKNOWLEDGED = "Not sent: it was acknowledged first."
SNOOZED = "Not sent: it was snoozed first."
NEVER_TOLD = "Not sent: its beginning was not told here."
AT_REST = [ACKNOWLEDGED, SNOOZED]


def steps_aside(session: Session, told: Told, now: datetime) -> bool:
    """Return whether a claimed delivery is not sent now, because of another that says more.

    A first telling of what is over by now says both, and the end of it need not be told.
    """
    delivery, alert = told.delivery, told.alert
    if delivery.incident_id is None:
        return False
    values = {
        "id": delivery.id,
        "incident_id": delivery.incident_id,
        "channel_id": delivery.channel_id,
    }
    if not alert.is_over and _is_needless(session, alert.kind, values, now):
        return True
    if alert.kind is not AlertKind.OPENED and _waits(session, told, values, now):
        return True
    if not alert.is_over:
        return False
    if alert.kind is AlertKind.REMINDER or session.scalar(TOLD_BEFORE, values):
        session.execute(CALL_OFF, {**values, "answer": OVER})
        return True
    session.execute(MERGE, values)
    return False


def put_back(session: Session, incident_id: int, now: datetime) -> None:
    """Let who was to be told next be told after all: nobody takes care of it any more."""
    session.execute(PUT_BACK, {"incident_id": incident_id, "now": now, "answers": AT_REST})


def _is_needless(session: Session, kind: AlertKind, values: dict[str, int], now: datetime) -> bool:
    """Call off what adds nothing by now; return whether it was called off."""
    at = {**values, "now": now}
    if kind is AlertKind.OPENED:
        return False
    if kind is AlertKind.RESOLVED:
        answer = NEVER_TOLD if session.scalar(SPARED, {**values, "answers": AT_REST}) else None
    else:
        rest = session.execute(REST, at).one()
        answer = (ACKNOWLEDGED if rest.acknowledged else SNOOZED) if rest.any else None
    if answer:
        session.execute(SPARE, {**at, "answer": answer})
        return True
    leader_id = session.scalar(SAYS_AS_MUCH, at) if kind is AlertKind.REMINDER else None
    if leader_id is not None:
        session.execute(FOLLOW, {**values, "leader_id": leader_id})
    return leader_id is not None


def _waits(session: Session, told: Told, values: dict[str, int], now: datetime) -> bool:
    earlier = session.execute(EARLIER, values).one_or_none()
    if earlier is None:
        return False
    delivery = told.delivery
    next_at, tried_at = earlier
    under_way = tried_at is not None and next_at - tried_at == LEASE
    until = now + SOON if under_way else max(next_at, now + SOON)
    claimed = Claim(delivery.id, delivery.attempts)
    turns.defer(session, claimed, until, "Waiting for what comes before it.")
    # Leases are no waits: these end in a moment.
    leased = now + LEASE
    session.execute(WAIT_BEHIND, {"channel_id": delivery.channel_id, "now": now, "leased": leased})
    return True
