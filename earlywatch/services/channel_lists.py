"""What the channel pages show: states, users, and what was sent lately."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Exists, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from earlywatch.channels.group import NAME as GROUP
from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.services import groups

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
    reached = groups.reached()
    used = (
        select(func.count(reached.c.monitor_id.distinct()))
        .where(reached.c.channel_id == Channel.id)
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
    """Return the monitors that use `channel`, themselves or through a group.

    `alone`: only those with no other that works.
    """
    reached = groups.reached()
    using = select(reached.c.monitor_id).where(reached.c.channel_id == channel.id)
    query = select(Monitor).where(Monitor.id.in_(using))
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
        .options(selectinload(Delivery.log))
        .where(Delivery.channel_id == channel.id)
        .order_by(Delivery.id.desc())
        .limit(DELIVERIES_SHOWN)
    )
    return list(session.scalars(query))


def _has_another(channel: Channel) -> Exists:
    reached = groups.reached()
    other = aliased(Channel)
    return exists(
        select(other.id)
        .join(reached, reached.c.channel_id == other.id)
        .where(
            reached.c.monitor_id == Monitor.id,
            reached.c.through != channel.id,
            other.id != channel.id,
            other.kind != GROUP,
            other.verified_at.is_not(None),
            other.broken_at.is_(None),
            other.unsubscribed_at.is_(None),
        )
    )
