"""The queue of alerts: whose turn is it, and what waits for what.

A row that must wait has its turn when its wait ends, so that rows whose turn has come are due: no
claim reads past what waits, however much that is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, text
from sqlalchemy.orm import Session

from earlywatch.domain.retry import MOST_ATTEMPTS
from earlywatch.services import alert_rows
from earlywatch.services.alert_rows import DeliveryRow, Rows
from earlywatch.services.outbox import GIVEN_UP, LAZILY, LEASE, Claim, Outbox, Outcome, storable
from earlywatch.services.queueing import APART

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
CLAIMED = alert_rows.query(
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


@dataclass(frozen=True)
class Claimed(Claim):
    """A delivery that is ours, and what it is made of."""

    rows: Rows


def claim(session: Session, now: datetime, busy: Collection[int] = ()) -> Claimed | None:
    """Take the delivery whose turn it is at `now` (UTC), or None.

    Channels in `busy` are passed over: enough is on its way to them.
    """
    values = {"now": now, "lease_ends_at": now + LEASE, "busy": list(busy)}
    while found := session.connection().execute(CLAIMED, values).first():
        rows = alert_rows.rows(found)
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
