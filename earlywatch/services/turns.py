"""The queue of alerts: whose turn is it, and what waits for what.

A row that must wait has its turn when its wait ends, so that rows whose turn has come are due: no
claim reads past what waits, however much that is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import column, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.retry import MOST_ATTEMPTS
from earlywatch.services import told
from earlywatch.services.composing import Told
from earlywatch.services.outbox import GIVEN_UP, LAZILY, LEASE, Claim, Outbox, Outcome, storable
from earlywatch.services.queueing import APART
from earlywatch.services.told import DeliveryRow, Rows

SOON = timedelta(seconds=1)  # until what is on its way has probably arrived

# Whose turn has come goes first. If nobody's has, then whoever is due longest: one of many of its
# workspace, that need not wait while nothing else is there.
# One place that hangs must not take all senders, hence `busy`.
CLAIM = """
    UPDATE delivery
    SET attempts = attempts + 1, last_attempt_at = :now, next_attempt_at = :lease_ends_at,
        turn_at = :lease_ends_at
    WHERE id = coalesce(
        (
            SELECT id FROM delivery
            WHERE state = 'pending' AND turn_at <= :now AND next_attempt_at <= :now
                AND channel_id <> ALL(CAST(:busy AS bigint[]))
            ORDER BY turn_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        ), (
            SELECT id FROM delivery
            WHERE state = 'pending' AND next_attempt_at <= :now
                AND channel_id <> ALL(CAST(:busy AS bigint[]))
            ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        )
    )
    RETURNING {columns}, {lazily}
"""
# That it was lost may be reported before it is recorded as sent, or at the same time: so the report
# is in the row itself, which an UPDATE that had to wait for it reads anew.
RECORD = """
    WITH recorded AS (
        UPDATE delivery
        SET state = CASE WHEN :sent AND lost_attempt = :attempt THEN 'failed' ELSE :state END,
            answer = CASE WHEN :sent AND lost_attempt = :attempt THEN answer ELSE :answer END,
            sent_at = CAST(:sent_at AS timestamptz),
            next_attempt_at = coalesce(CAST(:next_attempt_at AS timestamptz), next_attempt_at),
            turn_at = coalesce(CAST(:next_attempt_at AS timestamptz), turn_at), slot_at = NULL,
            provider_id = coalesce(CAST(:provider_id AS text), provider_id)
        WHERE id = :id AND (:state = 'sent' OR (state = 'pending' AND attempts = :attempt))
        RETURNING id
    )
    INSERT INTO attempt (delivery_id, number, at, took, sent, answer)
    SELECT id, :attempt, :now, :took, :sent, :answer FROM recorded
    RETURNING delivery_id, {lazily}
"""
OUTBOX = Outbox("delivery", record=RECORD)
CLAIMED = told.query(
    text(CLAIM.format(columns=", ".join(DeliveryRow._fields), lazily=LAZILY))
    .columns(*map(column, DeliveryRow._fields))
    .cte("claimed")
)
# It ended all the same, although somebody else has the row now.
LOG = text("""
    INSERT INTO attempt (delivery_id, number, at, took, sent, answer)
    SELECT id, :attempt, :now, :took, false, :answer FROM delivery WHERE id = :id FOR KEY SHARE
""")
DEFER = text("""
    UPDATE delivery SET attempts = attempts - 1, next_attempt_at = :until, turn_at = :until,
        slot_at = CAST(:slot_at AS timestamptz), answer = :answer,
        last_attempt_at = CASE WHEN attempts > 1 THEN last_attempt_at END
    WHERE id = :id AND state = 'pending' AND attempts = :attempt
""")
# What cannot go out before a failed delivery is tried again waits with it: what came later of the
# same trouble, and all of the channel if it hangs. Rows that others hold are theirs to move. Those
# moved together keep their distance, or all of them would stand before everybody else's.
POSTPONE = text("""
    UPDATE delivery SET next_attempt_at = later.until,
        turn_at = later.until + later.place * CAST(:apart AS interval)
    FROM (
        SELECT id, until, row_number() OVER (ORDER BY turn_at, id) AS place FROM (
            SELECT waiting.id, waiting.turn_at, failed.next_attempt_at AS until
            FROM delivery AS failed JOIN delivery AS waiting USING (channel_id)
            WHERE failed.id = :id AND failed.state = 'pending' AND waiting.state = 'pending'
                AND waiting.id <> failed.id AND waiting.next_attempt_at < failed.next_attempt_at
                AND (:whole_channel OR waiting.incident_id = failed.incident_id)
            FOR UPDATE OF waiting SKIP LOCKED
        ) AS waiting
    ) AS later
    WHERE delivery.id = later.id
""")
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
    WHERE id = :id
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
    UPDATE delivery SET state = 'failed', answer = :answer, fallback_at = :now WHERE id = :id
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
FOLLOW = text("UPDATE delivery SET state = 'merged', leader_id = :leader_id WHERE id = :id")
OVER = "Not sent: it was over first."
ACKNOWLEDGED = "Not sent: it was acknowledged first."
SNOOZED = "Not sent: it was snoozed first."
NEVER_TOLD = "Not sent: its beginning was not told here."
AT_REST = [ACKNOWLEDGED, SNOOZED]


@dataclass(frozen=True)
class Claimed(Claim):
    """A delivery that is ours, and what it is made of."""

    rows: Rows


def claim(session: Session, now: datetime, busy: Collection[int]) -> Claimed | None:
    """Take the delivery whose turn it is at `now` (UTC), to no channel in `busy`."""
    values = {"now": now, "lease_ends_at": now + LEASE, "busy": list(busy)}
    while found := session.connection().execute(CLAIMED, values).first():
        rows = told.rows(found)
        claimed = Claimed(rows.delivery.id, rows.delivery.attempts, rows)
        if claimed.attempt <= MOST_ATTEMPTS:
            return claimed
        # Attempts that outlived their lease were never recorded; they must end all the same.
        record(session, claimed, GIVEN_UP, now, jitter=0.0)
    return None


def record(
    session: Session, claimed: Claim, outcome: Outcome, now: datetime, jitter: float
) -> bool:
    """Write how an attempt ended at `now` (UTC), and log it. Return False if it came too late."""
    recorded = OUTBOX.record(session, claimed, outcome, now, jitter)
    if not recorded:
        values = {"id": claimed.id, "attempt": claimed.attempt, "now": now, "took": outcome.took}
        session.execute(LOG, {**values, "answer": storable(outcome.answer)})
    return recorded


def defer(
    session: Session, claimed: Claim, until: datetime, answer: str, *, slot: bool = False
) -> None:
    """Let a claimed delivery wait until then (UTC): that was no attempt.

    With `slot` the moment is its own at a target that sets a pace.
    """
    values = {"id": claimed.id, "attempt": claimed.attempt, "until": until, "answer": answer}
    session.execute(DEFER, {**values, "slot_at": until if slot else None})


def postpone(session: Session, delivery_id: int, *, whole_channel: bool) -> None:
    """Let what comes after a delivery wait as long as that: of its trouble, or of its channel."""
    values = {"id": delivery_id, "whole_channel": whole_channel, "apart": APART}
    session.execute(POSTPONE, values)


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
    defer(session, claimed, until, "Waiting for what comes before it.")
    # Leases are no waits: these end in a moment.
    leased = now + LEASE
    session.execute(WAIT_BEHIND, {"channel_id": delivery.channel_id, "now": now, "leased": leased})
    return True
