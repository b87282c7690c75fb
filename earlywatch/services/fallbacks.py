"""What did not arrive in time, or never can, is told through the workspace's fallback channel."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.util import AliasedClass

from earlywatch.domain.alert import OF_TROUBLE, AlertKind
from earlywatch.models import Channel, Delivery, Incident, Workspace
from earlywatch.models.delivery import DeliveryState
from earlywatch.services.channel_hours import due_at
from earlywatch.services.queueing import APART, HEAD_START

BATCH = 500
ALERTS = [kind.value for kind in OF_TROUBLE]
DIGEST = aliased(Delivery)
Carrier = type[Delivery] | AliasedClass[Delivery]  # an alert itself, or the digest it is in

# Channels are locked before deliveries, here and everywhere.
LOCK = text("SELECT FROM channel WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
# What has failed and has nowhere to be told need not be looked at again. What has, but failed a
# moment ago, must be.
DONE = text("""
    UPDATE delivery SET fallback_at = :now WHERE id IN (
        SELECT id FROM delivery AS failed
        WHERE state = 'failed' AND fallback_at IS NULL AND due_at <= :now AND NOT (
            EXISTS (
                SELECT FROM workspace JOIN channel ON channel.id = workspace.fallback_channel_id
                WHERE workspace.id = failed.workspace_id AND channel.id <> failed.channel_id
                    AND channel.verified_at IS NOT NULL AND channel.broken_at IS NULL
                    AND channel.unsubscribed_at IS NULL
            ) AND (
                alert = ANY(CAST(:alerts AS text[])) AND (
                    sent_at IS NOT NULL OR EXISTS (
                        SELECT FROM incident
                        WHERE incident.id = failed.incident_id AND resolved_at IS NULL
                    )
                ) OR alert = 'digest' AND EXISTS (
                    SELECT FROM delivery AS gathered
                    JOIN incident ON incident.id = gathered.incident_id
                    WHERE gathered.leader_id = failed.id AND gathered.fallback_at IS NULL
                        AND gathered.alert = ANY(CAST(:alerts AS text[]))
                        AND acknowledged_at IS NULL
                )
            )
        )
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED
    )
""")


def fall_back(session: Session, now: datetime, *, delivery_id: int | None = None) -> int:
    """Tell a batch of what is undelivered at `now` (UTC) elsewhere; return how many were looked at.

    That is what failed for good, and what has been due for longer than the workspace waits: each
    once. So are the alerts in a digest to which that happens. `delivery_id` looks at that one
    alone.
    """
    found = _find(session, now, delivery_id)
    # Before the others' rows are locked, or whoever deletes a channel would wait for us, and we
    # for them.
    if found:
        session.execute(LOCK, {"ids": [fallback.id for _, fallback in found]})
    taken = _take(session, [delivery.id for delivery, _ in found], now)
    _queue(session, [each for each in found if each[0].id in taken], now)
    return len(taken)


def forget(session: Session, now: datetime) -> int:
    """Look no more at what has failed and can be told nowhere else; return how many these were."""
    values = {"now": now, "batch": BATCH, "alerts": ALERTS}
    return session.connection().execute(DONE, values).rowcount


def _find(
    session: Session, now: datetime, delivery_id: int | None
) -> list[tuple[Delivery, Channel]]:
    found: list[tuple[Delivery, Channel]] = []
    alone = select(Delivery, Channel).where(Delivery.alert.in_(ALERTS))
    gathered = alone.join(DIGEST, DIGEST.id == Delivery.leader_id).where(
        Delivery.fallback_at.is_(None),
        DIGEST.alert == AlertKind.DIGEST.value,
        Incident.acknowledged_at.is_(None),
    )
    for carrier, query in ((Delivery, alone), (DIGEST, gathered)):
        late = _late(carrier, now) if delivery_id is None else carrier.id == delivery_id
        rows = session.execute(_through_fallback(query, carrier, now).where(late))
        found += [(delivery, fallback) for delivery, fallback in rows]
    return found


def _through_fallback(
    query: Select[Delivery, Channel], carrier: Carrier, now: datetime
) -> Select[Delivery, Channel]:
    fallback = Channel
    return (
        query.join(Workspace, Workspace.id == Delivery.workspace_id)
        .join(fallback, fallback.id == Workspace.fallback_channel_id)
        .join(Incident, Incident.id == Delivery.incident_id)
        .where(
            _undelivered(carrier),
            carrier.due_at <= now,
            fallback.verified_at.is_not(None),
            fallback.broken_at.is_(None),
            fallback.unsubscribed_at.is_(None),
            fallback.id != Delivery.channel_id,
        )
        .order_by(carrier.due_at, Delivery.id)
        .limit(BATCH)
        .execution_options(populate_existing=True)
    )


def _undelivered(carrier: Carrier) -> ColumnElement[bool]:
    states = [DeliveryState.PENDING.value, DeliveryState.FAILED.value]
    return and_(carrier.state.in_(states), carrier.fallback_at.is_(None))


def _late(carrier: Carrier, now: datetime) -> ColumnElement[bool]:
    # What failed because it was called off is no failure, unless it had seemed to be sent. A
    # digest is never called off.
    called_off = and_(
        carrier.alert != AlertKind.DIGEST.value,
        Incident.resolved_at.is_not(None),
        carrier.sent_at.is_(None),
    )
    # Nobody waits for what somebody takes care of.
    rests = or_(Incident.acknowledged_at.is_not(None), Incident.snoozed_until > now)
    return or_(
        and_(carrier.state == DeliveryState.FAILED.value, ~called_off),
        and_(
            carrier.state == DeliveryState.PENDING.value,
            carrier.due_at <= now - Workspace.fallback_after,
            rests.is_not(True),
        ),
    )


def _take(session: Session, delivery_ids: Sequence[int], now: datetime) -> set[int]:
    """Mark deliveries as looked at; return those that nobody else marked or sent meanwhile."""
    if not delivery_ids:
        return set()
    digests = select(DIGEST.id).where(_undelivered(DIGEST))
    free = (
        select(Delivery.id)
        .where(
            Delivery.id.in_(delivery_ids),
            Delivery.fallback_at.is_(None),
            or_(_undelivered(Delivery), Delivery.leader_id.in_(digests)),
        )
        .with_for_update(skip_locked=True)
    )
    marked = (
        update(Delivery)
        .where(Delivery.id.in_(free.scalar_subquery()))
        .values(fallback_at=now)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return set(session.scalars(marked))


def _queue(session: Session, taken: Sequence[tuple[Delivery, Channel]], now: datetime) -> None:
    rows = []
    for place, (delivery, fallback) in enumerate(taken):
        due = due_at(fallback, now, urgent=delivery.urgent)
        turn = due + place * APART - (HEAD_START if delivery.urgent else 0 * APART)
        rows.append(
            {
                "workspace_id": delivery.workspace_id,
                "incident_id": delivery.incident_id,
                "channel_id": fallback.id,
                "alert": delivery.alert,
                "number": delivery.number,
                "urgent": delivery.urgent,
                "created_at": now,
                "due_at": due,
                "next_attempt_at": due,
                "turn_at": turn,
                "fallback_for_id": delivery.id,
                "fallback_at": now,  # it has no fallback itself
            }
        )
    if rows:
        # Whoever was told there already need not be told again.
        session.execute(insert(Delivery).values(rows).on_conflict_do_nothing())
