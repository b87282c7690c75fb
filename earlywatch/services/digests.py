"""Channels that want what is not urgent together: what gathered goes out as one message."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.digest_words import Gathered, digest
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Incident, Monitor
from earlywatch.services import messages
from earlywatch.services.channel_hours import due_at
from earlywatch.services.composing import write_notice
from earlywatch.services.queueing import HEAD_START

PATH = "/monitors"

# What got urgent meanwhile goes out at once.
RELEASE = text("""
    UPDATE delivery SET state = 'pending', urgent = true, due_at = :now, next_attempt_at = :now,
        turn_at = :turn_at
    WHERE id IN (
        SELECT delivery.id FROM delivery
        JOIN incident ON incident.id = delivery.incident_id
        JOIN monitor ON monitor.id = incident.monitor_id
        WHERE delivery.state = 'gathered' AND (incident.urgent OR monitor.urgent)
        FOR UPDATE OF delivery SKIP LOCKED
    )
""")
# One whose digest was switched off sends what has gathered for the last time.
DUE = text("""
    SELECT channel.id FROM channel
    WHERE id IN (
        SELECT delivery.channel_id FROM delivery
        JOIN channel AS chosen ON chosen.id = delivery.channel_id
        WHERE delivery.state = 'gathered'
            AND delivery.created_at + coalesce(chosen.digest_every, interval '0') <= :now
    )
    ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
""")
TAKE = text("""
    UPDATE delivery SET state = 'merged' WHERE channel_id = :channel_id AND state = 'gathered'
    RETURNING id, incident_id
""")
MERGE = text("UPDATE delivery SET leader_id = :leader_id WHERE id = ANY(:ids)")


def release_urgent(session: Session, now: datetime) -> int:
    """Let nothing urgent wait for a digest at `now` (UTC); return how many alerts did."""
    values = {"now": now, "turn_at": now - HEAD_START}
    return session.connection().execute(RELEASE, values).rowcount


def send_one(session: Session, now: datetime) -> bool:
    """Queue the digest of one channel whose oldest alert has waited long enough at `now` (UTC).

    Return False if there is none, True if another may be due.
    """
    channel_id = session.scalar(DUE, {"now": now})
    if channel_id is None:
        return False
    channel = session.get_one(Channel, channel_id, populate_existing=True)
    # Taken before it is put into words: what gathers meanwhile is for the next one.
    taken = session.execute(TAKE, {"channel_id": channel.id}).all()
    if not taken:
        return True  # called off, or made urgent, a moment ago
    incident_ids = {row.incident_id for row in taken}
    words = write_notice(digest(_gathered(session, incident_ids), PATH, now))
    due = due_at(channel, now, urgent=False)
    sent = messages.queue(session, channel, AlertKind.DIGEST, now, due_at=due, words=words)
    session.execute(MERGE, {"leader_id": sent.id, "ids": [row.id for row in taken]})
    return True


def _gathered(session: Session, incident_ids: Collection[int]) -> list[Gathered]:
    folds = select(Incident.fold_id).where(Incident.id.in_(incident_ids))
    query = (
        select(
            Monitor.name,
            Incident.cause,
            Incident.opened_at,
            Incident.resolved_at,
            Monitor.time_zone,
        )
        .join(Monitor, Monitor.id == Incident.monitor_id)
        .where(or_(Incident.id.in_(incident_ids), Incident.fold_id.in_(folds)))
        .order_by(Incident.opened_at, Incident.id)
    )
    return [
        Gathered(name, Cause(cause), opened_at, resolved_at, zone)
        for name, cause, opened_at, resolved_at, zone in session.execute(query)
    ]
