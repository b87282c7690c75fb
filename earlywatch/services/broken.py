"""Channels whose other side said no for good: not used any more, and their owners are told."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.channels.group import NAME as GROUP
from earlywatch.channels.registry import kind
from earlywatch.domain import channel_letters
from earlywatch.domain.alert import AlertKind, Notice
from earlywatch.models import Channel, Workspace
from earlywatch.services import billing_mails, messages, sms_cap
from earlywatch.services.billing_mails import Whom
from earlywatch.services.channel_hours import due_at
from earlywatch.services.composing import write_notice


def mark(session: Session, channel: Channel, reason: str, now: datetime) -> bool:
    """Send nothing more to a locked channel, because of `reason`; return False if that was known.

    Once per break, the owners hear of it by mail, and the workspace through another channel.
    """
    if channel.broken_at is not None:
        return False
    channel.broken_at, channel.broken_reason = now, reason
    session.flush()
    workspace = session.get_one(Workspace, channel.workspace_id)
    _mail(session, workspace, channel, reason, now)
    other = _another(session, workspace, channel)
    if other is not None:
        words = write_notice(_notice(channel, reason))
        due = due_at(other, now, urgent=False)
        messages.queue(session, other, AlertKind.NOTICE, now, due_at=due, words=words)
    return True


def _mail(
    session: Session, workspace: Workspace, channel: Channel, reason: str, now: datetime
) -> None:
    fallback = _usable(session, workspace.fallback_channel_id)
    also = fallback.name if fallback is not None and fallback.id != channel.id else ""
    label = kind(channel.kind).label
    letter = channel_letters.broken(channel=channel.name, kind=label, reason=reason, also=also)
    about = f"{channel.id}/{now.isoformat()}"
    billing_mails.tell(session, workspace.id, "channel_broken", about, letter, now, Whom.OWNERS)


def _another(session: Session, workspace: Workspace, channel: Channel) -> Channel | None:
    """Return the fallback channel, or else any that works; if possible, one that costs nothing."""
    wanted = workspace.fallback_channel_id
    working = select(Channel).where(
        Channel.workspace_id == workspace.id,
        Channel.id != channel.id,
        Channel.kind != GROUP,
        Channel.verified_at.is_not(None),
        Channel.broken_at.is_(None),
        Channel.unsubscribed_at.is_(None),
    )
    # Those that lead to the same place are likely to be broken too.
    same = Channel.config == channel.config
    order = (Channel.kind.in_(sms_cap.COUNTED), Channel.id != wanted, same, Channel.id)
    return session.scalar(working.order_by(*order).limit(1))


def _usable(session: Session, channel_id: int | None) -> Channel | None:
    found = session.get(Channel, channel_id) if channel_id is not None else None
    return found if found is not None and found.usable else None


def _notice(channel: Channel, reason: str) -> Notice:
    return Notice(
        subject=f"The channel {channel.name} takes no alerts any more",
        opening="It refused an alert for good, so nothing more is sent to it. Change where it"
        " leads, or confirm it again.",
        rows=(("Channel", channel.name), ("It said", reason)),
        url=f"/channels/{channel.id}",
        url_words="Open the channel",
    )
