"""What the other side says of a message later: it arrived, or it did not after all."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from earlywatch.domain.alert_words import one_line
from earlywatch.models import Attempt, Channel, Delivery
from earlywatch.models.delivery import DeliveryState
from earlywatch.services import broken, incidents

LONGEST_WORDS = 300  # characters
REPORTED = 0  # the number of an attempt that is none: the other side spoke later

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What is said of a message that was accepted before.

    `failed`: it will not arrive. `permanent`: nothing that is sent there ever will. Neither: it
    arrived, or is still on its way, as `words` say.
    """

    words: str
    failed: bool = False
    permanent: bool = False


def find(session: Session, provider_id: str, public_id: UUID | None = None) -> int | None:
    """Return the id of the delivery that the other side calls `provider_id`, or we `public_id`."""
    found = None
    if provider_id:
        query = select(Delivery.id).where(Delivery.provider_id == provider_id)
        found = session.scalar(query.order_by(Delivery.id.desc()).limit(1))
    if found is None and public_id is not None:
        found = session.scalar(select(Delivery.id).where(Delivery.public_id == public_id))
    return found


def take(session: Session, delivery_id: int, report: Report, now: datetime) -> bool:
    """Note a report that came at `now` (UTC). Return False if it was noted before.

    A message that did not arrive counts as failed again, so that the fallback takes over.
    """
    # The channel first, as whoever deletes one does, or the two would wait for each other.
    channel = _lock_channel(session, delivery_id)
    delivery = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if channel is None or delivery is None:
        return False
    words = one_line(report.words, LONGEST_WORDS)
    if _is_noted(session, delivery, words):
        return False
    sent = not report.failed
    session.add(Attempt(delivery_id=delivery.id, number=REPORTED, at=now, sent=sent, answer=words))
    if report.failed:
        _fail(session, delivery, words)
        if report.permanent and _leads_there(session, channel, delivery):
            broken.mark(session, channel, words, now)
        fields = {"delivery_id": delivery.id, "channel_id": channel.id}
        logger.warning("delivery failed later", extra={**fields, "permanent": report.permanent})
    session.flush()
    incidents.notify(session, channel.workspace_id)
    return True


def _lock_channel(session: Session, delivery_id: int) -> Channel | None:
    query = select(Channel).join(Delivery, Delivery.channel_id == Channel.id)
    locked = query.where(Delivery.id == delivery_id).with_for_update(of=Channel)
    return session.scalar(locked.execution_options(populate_existing=True))


def _is_noted(session: Session, delivery: Delivery, words: str) -> bool:
    noted = exists().where(
        Attempt.delivery_id == delivery.id, Attempt.number == REPORTED, Attempt.answer == words
    )
    if delivery.last_attempt_at is not None:  # of an earlier attempt the same may have been said
        noted = noted.where(Attempt.at >= delivery.last_attempt_at)
    return bool(session.scalar(select(noted)))


def _fail(session: Session, delivery: Delivery, words: str) -> None:
    if delivery.state == DeliveryState.PENDING:  # tried again anyhow, or not yet recorded as sent
        delivery.lost_attempt, delivery.answer = delivery.attempts, words
    if delivery.state != DeliveryState.SENT:
        return
    delivery.state, delivery.answer = DeliveryState.FAILED.value, words
    told = exists().where(Delivery.fallback_for_id == delivery.id)
    # A fallback has none itself.
    if delivery.fallback_for_id is None and not session.scalar(select(told)):
        delivery.fallback_at = None


def _leads_there(session: Session, channel: Channel, delivery: Delivery) -> bool:
    """Tell whether the channel still leads where the message went.

    One that is given another target must be confirmed anew.
    """
    if channel.verified_at is not None:
        return channel.verified_at <= delivery.created_at
    newest = select(Delivery.id).where(Delivery.channel_id == channel.id)
    return session.scalar(newest.order_by(Delivery.id.desc()).limit(1)) == delivery.id
