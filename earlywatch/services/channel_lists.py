"""What the channel pages show: states, users, and what was sent lately."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Exists, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.models.channel import monitor_channel

DELIVERIES_SHOWN = 30
MONITORS_SHOWN = 100


class ChannelState(StrEnum):
    """What a channel is, in one word."""

    WAITING = "waiting"
    WORKS = "works"
    BROKEN = "broken"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True)
class ChannelRow:
    """One line of the list."""

    channel: Channel
    state: ChannelState
    monitors: int


@dataclass(frozen=True)
class Users:
    """Monitors that use a channel: the first by name, and how many there are."""

    shown: list[Monitor]
    count: int


def state_of(channel: Channel) -> ChannelState:
    """Return the word for a channel; what stops it for good comes first."""
    if channel.unsubscribed_at:
        return ChannelState.UNSUBSCRIBED
    if channel.broken_at:
        return ChannelState.BROKEN
    return ChannelState.WORKS if channel.verified_at else ChannelState.WAITING


def list_channels(session: Session, workspace: Workspace) -> list[ChannelRow]:
    """Return all channels by name, each with the number of monitors that use it."""
    used = (
        select(func.count())
        .where(monitor_channel.c.channel_id == Channel.id)
        .correlate(Channel)
        .scalar_subquery()
    )
    query = (
        select(Channel, used)
        .where(Channel.workspace_id == workspace.id)
        .order_by(func.lower(Channel.name), Channel.id)
    )
    return [
        ChannelRow(channel, state_of(channel), monitors)
        for channel, monitors in session.execute(query)
    ]


def users_of(session: Session, channel: Channel, alone: bool = False) -> Users:
    """Return the monitors that use `channel`; `alone`: only those with no other that works."""
    query = (
        select(Monitor)
        .join(monitor_channel, monitor_channel.c.monitor_id == Monitor.id)
        .where(monitor_channel.c.channel_id == channel.id)
    )
    if alone:
        query = query.where(~_has_another(channel))
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    by_name = query.order_by(func.lower(Monitor.name), Monitor.id).limit(MONITORS_SHOWN)
    return Users(list(session.scalars(by_name)), count)


def recent_deliveries(session: Session, channel: Channel) -> list[Delivery]:
    """Return what was sent through `channel` lately, newest first, with monitor names at hand."""
    query = (
        select(Delivery)
        .options(joinedload(Delivery.incident).joinedload(Incident.monitor))
        .where(Delivery.channel_id == channel.id)
        .order_by(Delivery.id.desc())
        .limit(DELIVERIES_SHOWN)
    )
    return list(session.scalars(query))


def _has_another(channel: Channel) -> Exists:
    link = monitor_channel.alias()
    other = aliased(Channel)
    return exists(
        select(other.id)
        .join(link, link.c.channel_id == other.id)
        .where(
            link.c.monitor_id == Monitor.id,
            other.id != channel.id,
            other.verified_at.is_not(None),
            other.broken_at.is_(None),
            other.unsubscribed_at.is_(None),
        )
    )
