"""Alerts on their way to channels: queue, claim, attempt, record."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from earlywatch.channels.registry import ChannelError, Doors, kind
from earlywatch.domain.alert import Alert, AlertKind, Trouble
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.models.columns import OutboxState
from earlywatch.services import outbox
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome

logger = logging.getLogger(__name__)

OUR_FAULT = "Something went wrong on our side. We will try again."


@dataclass(frozen=True)
class Outgoing:
    """A claimed delivery with all that sending it needs: no session, no rows."""

    delivery_id: int
    attempt: int
    channel_id: int
    kind: str
    config: dict[str, Any]
    alert: Alert
    refusal: str | None  # why it must not be sent any more


def queue(session: Session, channel: Channel, alert: AlertKind, now: datetime) -> Delivery:
    """Queue a message that tells of no incident: a test or a confirmation."""
    delivery = Delivery(
        channel_id=channel.id, alert=alert.value, created_at=now, next_attempt_at=now
    )
    session.add(delivery)
    session.flush()
    return delivery


def claim(session: Session, links: Links, now: datetime) -> Outgoing | None:
    """Take the delivery that has been due longest at `now` (UTC), or None.

    A delivery waits while an earlier one of the same incident to the same channel is pending:
    nobody should read that a monitor is back before reading that it was late.
    """
    earlier = aliased(Delivery)
    in_order = ~exists(
        select(earlier.id).where(
            earlier.incident_id == Delivery.incident_id,
            earlier.channel_id == Delivery.channel_id,
            earlier.state == OutboxState.PENDING,
            earlier.id < Delivery.id,
        )
    )
    while delivery := outbox.claim(session, Delivery, now, in_order):
        try:
            with session.begin_nested():
                return _outgoing(session, delivery, links, now)
        except Exception:  # one row that cannot be told must not block those behind it
            logger.exception(
                "delivery cannot be put into words", extra={"delivery_id": delivery.id}
            )
            outcome = Outcome(sent=False, answer=OUR_FAULT)
            outbox.record(session, Delivery, delivery.id, delivery.attempts, outcome, now, 0.0)
    return None


def attempt(outgoing: Outgoing, doors: Doors) -> Outcome:
    """Send. Must be called with no transaction open: the outside world takes its time."""
    if outgoing.refusal:
        return Outcome(sent=False, answer=outgoing.refusal, permanent=True)
    try:
        answer = kind(outgoing.kind).send(outgoing.config, outgoing.alert, doors)
    except ChannelError as error:
        return Outcome(False, str(error), error.permanent, error.retry_after)
    except Exception:  # a bug in one channel must not stop the deliveries behind it
        logger.exception("delivery raised", extra={"delivery_id": outgoing.delivery_id})
        return Outcome(sent=False, answer=OUR_FAULT)
    return Outcome(sent=True, answer=answer)


def record(session: Session, outgoing: Outgoing, outcome: Outcome, now: datetime) -> None:
    """Write how the attempt ended at `now` (UTC); a permanent refusal marks the channel broken."""
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    recorded = outbox.record(
        session, Delivery, outgoing.delivery_id, outgoing.attempt, outcome, now, jitter
    )
    if not recorded or outgoing.refusal:
        return
    fields = {"delivery_id": outgoing.delivery_id, "channel_id": outgoing.channel_id}
    if outcome.sent:
        logger.info("alert delivered", extra=fields)
        return
    logger.warning("delivery failed", extra={**fields, "permanent": outcome.permanent})
    if outcome.permanent:
        channel = session.get(Channel, outgoing.channel_id, with_for_update=True)
        if channel and channel.broken_at is None:
            channel.broken_at, channel.broken_reason = now, outcome.answer


def _outgoing(session: Session, delivery: Delivery, links: Links, now: datetime) -> Outgoing:
    channel = delivery.channel
    return Outgoing(
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        channel_id=channel.id,
        kind=channel.kind,
        config=channel.config,
        alert=_alert(session, delivery, channel, links, now),
        refusal=_refusal(channel, delivery.alert),
    )


def _refusal(channel: Channel, alert: str) -> str | None:
    if channel.unsubscribed_at:
        return "Not sent: the recipient unsubscribed."
    if alert == AlertKind.CONFIRM:
        return None
    if channel.broken_at:
        return "Not sent: this channel is broken."
    return None if channel.verified_at else "Not sent: this channel is not confirmed."


def _alert(
    session: Session, delivery: Delivery, channel: Channel, links: Links, now: datetime
) -> Alert:
    alert = AlertKind(delivery.alert)
    confirms = alert is AlertKind.CONFIRM
    workspace = session.get_one(Workspace, channel.workspace_id)
    return Alert(
        id=str(delivery.public_id),
        kind=alert,
        channel_name=channel.name,
        workspace_name=workspace.name,
        sent_at=now,
        trouble=_trouble(delivery.incident, links) if delivery.incident else None,
        confirm_url=links.confirm_channel(channel, now) if confirms else None,
        confirm_code=links.confirm_code(channel) if confirms else None,
        unsubscribe_url=None if confirms else links.unsubscribe(channel, now),
    )


def _trouble(incident: Incident, links: Links) -> Trouble:
    monitor: Monitor = incident.monitor
    return Trouble(
        incident_id=incident.id,
        monitor_name=monitor.name,
        cause=Cause(incident.cause),
        schedule_words=monitor.schedule_words,
        time_zone=monitor.time_zone,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        expected_at=incident.expected_at,
        last_ping_at=incident.last_ping_at,
        exit_status=incident.exit_status,
        url=links.incident(incident.id),
    )
