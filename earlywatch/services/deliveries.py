"""Alerts on their way to channels: claim, attempt, record."""

import logging
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy.orm import Session

from earlywatch.channels.registry import ChannelError, Doors, kind
from earlywatch.domain import breaker
from earlywatch.domain.alert import Alert, AlertKind
from earlywatch.domain.retry import SHORTEST_WAIT
from earlywatch.models import Channel
from earlywatch.services import (
    aside,
    broken,
    composing,
    fallbacks,
    messages,
    pacing,
    sms_cap,
    turns,
)
from earlywatch.services.alert_rows import ChannelRow
from earlywatch.services.composing import Told
from earlywatch.services.links import Links
from earlywatch.services.outbox import Claim, Outcome
from earlywatch.services.providers import is_ill, place_of, provider_of
from earlywatch.services.sms_cap import Counted
from earlywatch.services.turns import Claimed

logger = logging.getLogger(__name__)

OUR_FAULT = "Something went wrong on our side. We will try again."
UNSUBSCRIBED = Outcome(sent=False, answer="Not sent: the recipient unsubscribed.", permanent=True)
BROKEN = Outcome(sent=False, answer="Waiting: this channel is broken.")
UNCONFIRMED = Outcome(sent=False, answer="Waiting: this channel is not confirmed.")

hasten = messages.hasten
queue = messages.queue


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
    overdue_at: datetime | None = None  # when it would be tried if its provider were asked always

    @property
    def provider(self) -> str:
        """Whose machine takes it to its target."""
        return provider_of(self.kind, self.config)


def prepare(
    session: Session,
    claimed: Claimed,
    links: Links,
    now: datetime,
    reply_domain: str | None = None,
) -> Outgoing | None:
    """Return what to send at `now` (UTC) for a claimed delivery, None if it is not sent now.

    A delivery waits while an earlier one of the same incident to the same channel is pending:
    nobody should read that a monitor is back before reading that it was late. Mails sent to
    `reply_domain` are read by us. Raises whatever is wrong with rows that cannot be told. Most
    need nothing from the database any more, and then no connection is taken.
    """
    told = composing.tell(session, claimed.rows, links, now, reply_domain)
    if aside.steps_aside(session, told, now):
        return None
    return _outgoing(session, claimed, told, now)


def undo_claim(session: Session, claimed: Claimed, now: datetime, *, failed: bool) -> None:
    """Let a claimed delivery that was not sent be tried again: at once, or as one that failed."""
    if failed:
        turns.record(session, claimed, Outcome(sent=False, answer=OUR_FAULT), now, 0.0)
    else:
        turns.defer(session, claimed, now, OUR_FAULT)


def attempt(outgoing: Outgoing, doors: Doors) -> Outcome:
    """Send. Must be called with no transaction open: the outside world takes its time."""
    if outgoing.refusal:
        return outgoing.refusal
    began = monotonic()
    outcome = _send(outgoing, doors)
    return replace(outcome, took=timedelta(seconds=monotonic() - began))


def hold_back(outgoing: Outgoing, now: datetime) -> Outcome:
    """Return that a delivery waits at `now` (UTC), because its provider is down."""
    jitter = random.random()  # noqa: S311 - spreads what waits, keeps no secret
    overdue_in = ((outgoing.overdue_at or now) - now).total_seconds()
    until = now + timedelta(seconds=breaker.wait(overdue_in, jitter))
    place = place_of(outgoing.provider) or kind(outgoing.kind).label
    answer = f"Waiting: {place} has not worked lately, and is asked with one message at a time."
    # Nothing else needs to ask for this channel meanwhile.
    return Outcome(sent=False, answer=answer, timed_out=True, defer_until=until)


def record(session: Session, outgoing: Outgoing, outcome: Outcome, now: datetime) -> None:
    """Write how the attempt ended at `now` (UTC).

    A permanent refusal marks the channel broken. What failed for good is told elsewhere.
    """
    _give_back(session, outgoing, outcome)
    if outcome.defer_until is not None:
        _defer(session, outgoing.claim, outcome, outcome.defer_until)
        return
    # The channel first, as whoever deletes one does, or the two would wait for each other.
    channel = _lock_to_blame(session, outgoing) if outcome.permanent else None
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    recorded = turns.record(session, outgoing.claim, outcome, now, jitter)
    if outcome.sent:
        return  # a line for each would cost a third of the sending
    fields = {"delivery_id": outgoing.claim.id, "channel_id": outgoing.channel_id}
    logger.warning("delivery failed", extra={**fields, "permanent": outcome.permanent})
    if not recorded:
        return
    turns.postpone(session, outgoing.claim.id, whole_channel=outcome.timed_out)
    if outcome.retry_after and not outgoing.refusal:
        pace = kind(outgoing.kind).pace
        until = now + outcome.retry_after
        pacing.hold(session, outgoing.kind, outgoing.config, pace, until)
    if channel:
        broken.mark(session, channel, outcome.answer, now)
    if outcome.permanent:
        fallbacks.fall_back(session, now, delivery_id=outgoing.claim.id)


def _defer(session: Session, claimed: Claim, outcome: Outcome, until: datetime) -> None:
    hangs = outcome.timed_out
    turns.defer(session, claimed, until, outcome.answer, slot=not hangs)
    if hangs:
        turns.postpone(session, claimed.id, whole_channel=True)


def _send(outgoing: Outgoing, doors: Doors) -> Outcome:
    try:
        answer = kind(outgoing.kind).send(outgoing.config, outgoing.alert, doors)
    except ChannelError as error:
        return Outcome(
            sent=False,
            answer=str(error),
            permanent=error.permanent,
            retry_after=error.retry_after,
            timed_out=error.timed_out,
            ill=is_ill(error),
        )
    except Exception:  # a bug in one channel must not stop the deliveries behind it
        logger.exception("delivery raised", extra={"delivery_id": outgoing.claim.id})
        return Outcome(sent=False, answer=OUR_FAULT)
    return Outcome(sent=True, answer=answer, provider_id=getattr(answer, "provider_id", None))


def _outgoing(session: Session, claimed: Claim, told: Told, now: datetime) -> Outgoing:
    delivery, channel, alert = told.delivery, told.channel, told.alert
    sms = None
    skipped = kind(channel.kind).skips(channel.config, alert)
    refusal = Outcome(sent=True, answer=skipped) if skipped else _refusal(channel, alert.kind)
    refusal = refusal or _pace(session, told, now)
    if refusal is None and channel.kind in sms_cap.COUNTED:
        sms = sms_cap.take(session, told.workspace, now)
        if sms is None:
            refusal = sms_cap.refuse(session, told, now)
    # One that was tried before has waited as long as the rules want it to.
    due_at = delivery.due_at or delivery.created_at
    overdue_at = due_at + SHORTEST_WAIT if claimed.attempt == 1 else now
    return Outgoing(
        claimed, channel.id, channel.kind, channel.config, alert, refusal, sms, overdue_at
    )


def _refusal(channel: ChannelRow, alert: AlertKind) -> Outcome | None:
    if channel.unsubscribed_at:
        return UNSUBSCRIBED
    if alert is AlertKind.CONFIRM:
        return None
    if channel.broken_at:
        return BROKEN
    return None if channel.verified_at else UNCONFIRMED


def _pace(session: Session, told: Told, now: datetime) -> Outcome | None:
    """Return that a delivery waits for its moment, if its target takes no more just now."""
    promised, channel = told.delivery.slot_at, told.channel
    pace = kind(channel.kind).pace
    slot = pacing.slot(session, promised, channel.kind, channel.config, pace, now)
    if slot <= now:
        return None
    answer = "Waiting for its turn: this target takes only so many messages at once."
    return Outcome(sent=False, answer=answer, defer_until=slot)


def _give_back(session: Session, outgoing: Outgoing, outcome: Outcome) -> None:
    """Let an SMS that was not sent not count. One that timed out may have been sent."""
    sent = outcome.sent or (outcome.timed_out and outcome.defer_until is None)
    if outgoing.sms and not sent:
        sms_cap.give_back(session, outgoing.sms)


def _lock_to_blame(session: Session, outgoing: Outgoing) -> Channel | None:
    """Return the channel if it still leads where the attempt went, else None.

    Whoever is told through it may refer to it meanwhile: two that break together tell each other.
    """
    if outgoing.refusal:
        return None
    lock = {"key_share": True}
    channel = session.get(
        Channel, outgoing.channel_id, with_for_update=lock, populate_existing=True
    )
    return channel if channel and channel.config == outgoing.config else None
