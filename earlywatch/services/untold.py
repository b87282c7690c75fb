"""Incidents of which nobody would hear any more once a channel is deleted: told anew."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import OF_TROUBLE

ALERTS = [kind.value for kind in OF_TROUBLE]

# All that is told of an incident hangs on it, or on the first one of its fold. What was sent was
# read, even if its row goes with the channel; what waits in another channel will be. An alert
# says all that is true when it is sent, so one sent before others joined says nothing of them.
FIND = text("""
    SELECT DISTINCT leads.id FROM (
        SELECT incident.id, incident.fold_id, coalesce(fold.first_id, incident.id) AS of_id,
            max(delivery.created_at) FILTER (WHERE delivery.alert = 'opened') AS news_at
        FROM delivery
        JOIN incident ON incident.id = delivery.incident_id
        LEFT JOIN fold ON fold.id = incident.fold_id
        WHERE delivery.channel_id = :channel_id AND delivery.state <> 'sent'
            AND delivery.alert = ANY(CAST(:alerts AS text[]))
            AND (incident.resolved_at IS NULL OR (fold.id IS NOT NULL AND fold.closed_at IS NULL))
        GROUP BY incident.id, fold.first_id
    ) AS waiting
    CROSS JOIN LATERAL (
        SELECT id FROM incident
        WHERE (id = waiting.id OR fold_id = waiting.fold_id) AND resolved_at IS NULL
        ORDER BY held IS NOT DISTINCT FROM 'folded', id LIMIT 1
    ) AS leads
    WHERE NOT EXISTS (
        SELECT FROM delivery LEFT JOIN delivery AS leader ON leader.id = delivery.leader_id
        WHERE delivery.incident_id = waiting.of_id
            AND delivery.alert = ANY(CAST(:alerts AS text[]))
            AND (
                (delivery.channel_id <> :channel_id AND delivery.state <> 'failed')
                OR ('sent' IN (delivery.state, leader.state) AND (
                    waiting.news_at IS NULL
                    OR coalesce(leader.sent_at, delivery.sent_at) >= waiting.news_at
                ))
            )
    )
""")
# Alerts that are queued refer to it, and need no more than that it stays.
HOLD = text("""
    SELECT FROM incident WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
""")
# Whoever acknowledged it knows; should they undo that, it is told from the beginning.
TELL_ANEW = text("""
    UPDATE incident SET step = 0, reminders = 0, told_since = NULL, policy_id = NULL,
        held = nullif(held, 'folded'), next_step_at = CASE WHEN acknowledged_at IS NULL
            THEN greatest(CAST(:now AS timestamptz), snoozed_until) END
    WHERE id = ANY(CAST(:ids AS bigint[]))
""")


def find(session: Session, channel_id: int) -> set[int]:
    """Return the open incidents, by id, that nobody would be told of without this channel.

    Of those that are told of together, the one that leads.
    """
    return set(session.scalars(FIND, {"channel_id": channel_id, "alerts": ALERTS}))


def hold(session: Session, incident_ids: Collection[int]) -> None:
    """Hold incidents until the transaction ends: to be done before their channels are held."""
    session.execute(HOLD, {"ids": list(incident_ids)})


def tell_anew(session: Session, incident_ids: Collection[int], now: datetime) -> None:
    """Let the next round tell of held incidents as if they had just opened."""
    session.execute(TELL_ANEW, {"ids": list(incident_ids), "now": now})
