"""Queueing what tells of no incident: tests, confirmations, drills, notices and digests."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery
from earlywatch.services.queueing import APART, HEAD_START

# A person looks at the screen until these arrive.
AWAITED = (AlertKind.TEST, AlertKind.CONFIRM, AlertKind.DRILL)
# Quiet hours are waited for all the same. Rows that others hold are theirs to move. Those moved
# together keep their distance, or all of them would stand before everybody else's.
HASTEN = text("""
    UPDATE delivery SET next_attempt_at = hastened.at, slot_at = NULL,
        turn_at = hastened.at + hastened.place * CAST(:apart AS interval)
    FROM (
        SELECT id, at, row_number() OVER (ORDER BY turn_at, id) AS place FROM (
            SELECT id, turn_at, greatest(:now, due_at) AS at FROM delivery
            WHERE channel_id = :channel_id AND state = 'pending'
                AND next_attempt_at > greatest(:now, due_at)
            FOR UPDATE SKIP LOCKED
        ) AS waiting
    ) AS hastened
    WHERE delivery.id = hastened.id
""")


def queue(
    session: Session,
    channel: Channel,
    alert: AlertKind,
    now: datetime,
    *,
    due_at: datetime | None = None,
    words: dict[str, Any] | None = None,
    drill_id: int | None = None,
) -> Delivery:
    """Queue a message that is due then (UTC), or at once. `words` are those of a notice."""
    due_at = due_at or now
    delivery = Delivery(
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        alert=alert.value,
        created_at=now,
        due_at=due_at,
        next_attempt_at=due_at,
        turn_at=due_at - HEAD_START if alert in AWAITED else due_at,
        words=words,
        drill_id=drill_id,
    )
    session.add(delivery)
    session.flush()
    return delivery


def hasten(session: Session, channel_id: int, now: datetime) -> None:
    """Try at once what waits for the channel to work, because it does again."""
    session.execute(HASTEN, {"channel_id": channel_id, "now": now, "apart": APART})
