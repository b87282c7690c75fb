"""Alerts on their way to channels: queue, claim, attempt, record."""

import logging
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from earlywatch.channels.registry import ChannelError, Doors, kind
from earlywatch.domain.alert import Alert, AlertKind, Trouble
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.services import sms_cap
from earlywatch.services.links import Links
from earlywatch.services.outbox import Claim, Outbox, Outcome
from earlywatch.services.sms_cap import Counted

logger = logging.getLogger(__name__)

SMS = "sms"  # the kind that costs us money for each message
OUR_FAULT = "Something went wrong on our side. We will try again."
# One place that hangs must not take all senders, hence `busy`.
READY = """
    due.channel_id <> ALL(CAST(:busy AS bigint[]))
    AND NOT EXISTS (
        SELECT FROM delivery AS earlier
        WHERE earlier.incident_id = due.incident_id AND earlier.channel_id = due.channel_id
            AND earlier.state = 'pending' AND earlier.id < due.id
    )
"""
OUTBOX = Outbox("delivery", READY)
# What cannot go out before a failed delivery is tried again waits with it: the end of the same
# trouble, and all of the channel if it hangs. Rows that others hold are theirs to move.
POSTPONE = text("""
    UPDATE delivery SET next_attempt_at = failed.next_attempt_at
    FROM delivery AS failed
    WHERE failed.id = :id AND failed.state = 'pending' AND delivery.id IN (
        SELECT waiting.id FROM delivery AS waiting
        WHERE waiting.channel_id = failed.channel_id AND waiting.state = 'pending'
            AND waiting.id <> failed.id AND waiting.next_attempt_at < failed.next_attempt_at
            AND (:whole_channel OR waiting.incident_id = failed.incident_id)
        FOR UPDATE SKIP LOCKED
    )
""")
HASTEN = text("""
    UPDATE delivery SET next_attempt_at = :now
    WHERE channel_id = :channel_id AND state = 'pending' AND next_attempt_at > :now
""")

# All that an alert is made of, in one query; never from the session's memory, which may be old.
TOLD = (
    select(Delivery, Channel, Workspace, Incident, Monitor)
    .join(Channel, Channel.id == Delivery.channel_id)
    .join(Workspace, Workspace.id == Channel.workspace_id)
    .outerjoin(Incident, Incident.id == Delivery.incident_id)
    .outerjoin(Monitor, Monitor.id == Incident.monitor_id)
    .where(Delivery.id == bindparam("delivery_id"))
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True)
class Outgoing:
    """A claimed delivery with all that sending it needs: no session, no rows."""

    claim: Claim
    channel_id: int
    kind: str
    config: dict[str, Any]
    alert: Alert
    refusal: Outcome | None  # why it must not be sent, or not now
    sms: Counted | None = None  # what sending it counts as


def queue(session: Session, channel: Channel, alert: AlertKind, now: datetime) -> Delivery:
    """Queue a message that tells of no incident: a test or a confirmation."""
    delivery = Delivery(
        channel_id=channel.id, alert=alert.value, created_at=now, next_attempt_at=now
    )
    session.add(delivery)
    session.flush()
    return delivery


def hasten(session: Session, channel_id: int, now: datetime) -> None:
    """Try at once what waits for the channel, because it works again."""
    session.execute(HASTEN, {"channel_id": channel_id, "now": now})


def claim(
    session: Session, links: Links, now: datetime, busy: Collection[int] = ()
) -> Outgoing | None:
    """Take the delivery that has been due longest at `now` (UTC), or None.

    Channels in `busy` are passed over: enough is on its way to them. A delivery waits while an
    earlier one of the same incident to the same channel is pending: nobody should read that a
    monitor is back before reading that it was late.
    """
    while claimed := OUTBOX.claim(session, now, busy=list(busy)):
        try:
            return _outgoing(session, claimed, links, now)
        except Exception:  # one row that cannot be told must not block those behind it
            logger.exception("delivery cannot be told", extra={"delivery_id": claimed.id})
            OUTBOX.record(session, claimed, Outcome(sent=False, answer=OUR_FAULT), now, 0.0)
    return None


def attempt(outgoing: Outgoing, doors: Doors) -> Outcome:
    """Send. Must be called with no transaction open: the outside world takes its time."""
    if outgoing.refusal:
        return outgoing.refusal
    try:
        answer = kind(outgoing.kind).send(outgoing.config, outgoing.alert, doors)
    except ChannelError as error:
        return Outcome(False, str(error), error.permanent, error.retry_after, error.timed_out)
    except Exception:  # a bug in one channel must not stop the deliveries behind it
        logger.exception("delivery raised", extra={"delivery_id": outgoing.claim.id})
        return Outcome(sent=False, answer=OUR_FAULT)
    return Outcome(sent=True, answer=answer)


def record(session: Session, outgoing: Outgoing, outcome: Outcome, now: datetime) -> None:
    """Write how the attempt ended at `now` (UTC); a permanent refusal marks the channel broken."""
    # One that timed out may have been sent all the same, so it stays counted.
    if outgoing.sms and not outcome.sent and not outcome.timed_out:
        sms_cap.give_back(session, outgoing.sms)
    # The channel first, as whoever deletes one does, or the two would wait for each other.
    channel = _lock_to_blame(session, outgoing) if outcome.permanent else None
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    recorded = OUTBOX.record(session, outgoing.claim, outcome, now, jitter)
    if outcome.sent:
        return  # a line for each would cost a third of the sending
    fields = {"delivery_id": outgoing.claim.id, "channel_id": outgoing.channel_id}
    logger.warning("delivery failed", extra={**fields, "permanent": outcome.permanent})
    if not recorded:
        return
    session.execute(POSTPONE, {"id": outgoing.claim.id, "whole_channel": outcome.timed_out})
    if channel and channel.broken_at is None:
        channel.broken_at, channel.broken_reason = now, outcome.answer


def _lock_to_blame(session: Session, outgoing: Outgoing) -> Channel | None:
    """Return the channel if it still leads where the attempt went, else None."""
    if outgoing.refusal:
        return None
    channel = session.get(
        Channel, outgoing.channel_id, with_for_update=True, populate_existing=True
    )
    return channel if channel and channel.config == outgoing.config else None


def _outgoing(session: Session, claimed: Claim, links: Links, now: datetime) -> Outgoing:
    row = session.execute(TOLD, {"delivery_id": claimed.id}).one()
    delivery, channel, workspace, incident, monitor = row
    told = AlertKind(delivery.alert)
    confirms = told is AlertKind.CONFIRM
    alert = Alert(
        id=str(delivery.public_id),
        kind=told,
        channel_name=channel.name,
        workspace_name=workspace.name,
        sent_at=now,
        trouble=_trouble(incident, monitor, links) if incident else None,
        confirm_url=links.confirm_channel(channel, now) if confirms else None,
        confirm_code=links.confirm_code(channel) if confirms else None,
        unsubscribe_url=None if confirms else links.unsubscribe(channel, now),
    )
    refusal, sms = _refusal(channel, told), None
    if refusal is None and channel.kind == SMS:
        sms = sms_cap.take(session, workspace, now)
        refusal = None if sms else sms_cap.refuse(session, workspace, delivery.id, alert, now)
    return Outgoing(claimed, channel.id, channel.kind, channel.config, alert, refusal, sms)


def _refusal(channel: Channel, alert: AlertKind) -> Outcome | None:
    if channel.unsubscribed_at:
        return Outcome(sent=False, answer="Not sent: the recipient unsubscribed.", permanent=True)
    if alert is AlertKind.CONFIRM:
        return None
    if channel.broken_at:
        return Outcome(sent=False, answer="Waiting: this channel is broken.")
    if channel.verified_at is None:
        return Outcome(sent=False, answer="Waiting: this channel is not confirmed.")
    return None


def _trouble(incident: Incident, monitor: Monitor, links: Links) -> Trouble:
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
