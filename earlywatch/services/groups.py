"""Groups: which channels each is made of, and whom a monitor reaches through them."""

from collections.abc import Sequence

from sqlalchemy import Subquery, delete, func, insert, select, text, union_all
from sqlalchemy.orm import Session

from earlywatch.channels.group import NAME as GROUP
from earlywatch.channels.registry import InvalidChannel
from earlywatch.models import Channel, Workspace
from earlywatch.models.channel import channel_member, monitor_channel

# Whoever holds a group writes down its channels anew anyway, so it need not be waited for.
LEAVE = text("""
    UPDATE channel SET config = jsonb_set(
        config, '{channel_ids}',
        (SELECT coalesce(jsonb_agg(member.id), '[]')
            FROM jsonb_array_elements(config -> 'channel_ids') AS member (id)
            WHERE member.id <> to_jsonb(CAST(:channel_id AS bigint)))
    )
    WHERE id IN (
        SELECT channel.id FROM channel
        JOIN channel_member ON channel_member.group_id = channel.id
        WHERE channel_member.channel_id = :channel_id
        ORDER BY channel.id
        FOR UPDATE OF channel SKIP LOCKED
    )
""")


def set_members(session: Session, group: Channel, chosen: Sequence[int]) -> None:
    """Make `group` of the channels among `chosen` that its workspace has, groups left out.

    Raises InvalidChannel if none is left.
    """
    ids = Channel.lock_all(
        session, group.workspace_id, Channel.id.in_(chosen), Channel.kind != GROUP
    )
    if not ids:
        raise InvalidChannel("channel_ids", "Choose at least one channel.")
    session.execute(delete(channel_member).where(channel_member.c.group_id == group.id))
    links = [{"group_id": group.id, "channel_id": channel_id} for channel_id in ids]
    session.execute(insert(channel_member), links)
    group.config = {**group.config, "channel_ids": list(ids)}


def members_of(session: Session, group: Channel) -> list[Channel]:
    """Return the channels a group is made of, by name; none of what is no group."""
    query = (
        select(Channel)
        .join(channel_member, channel_member.c.channel_id == Channel.id)
        .where(channel_member.c.group_id == group.id)
        .order_by(func.lower(Channel.name), Channel.id)
    )
    return list(session.scalars(query)) if group.kind == GROUP else []


def groups_of(session: Session, channel: Channel) -> list[Channel]:
    """Return the groups that a channel is in, by name."""
    query = (
        select(Channel)
        .join(channel_member, channel_member.c.group_id == Channel.id)
        .where(channel_member.c.channel_id == channel.id)
        .order_by(func.lower(Channel.name), Channel.id)
    )
    return list(session.scalars(query))


def list_possible(session: Session, workspace: Workspace) -> list[Channel]:
    """Return the channels that a group can be made of, by name."""
    query = (
        select(Channel)
        .where(Channel.workspace_id == workspace.id, Channel.kind != GROUP)
        .order_by(func.lower(Channel.name), Channel.id)
    )
    return list(session.scalars(query))


def leave_all(session: Session, channel_id: int) -> None:
    """Take a channel that is about to be deleted out of its groups."""
    session.execute(LEAVE, {"channel_id": channel_id})


def reached() -> Subquery:
    """Return what monitors reach: `monitor_id`, `channel_id`, and `through` which of their own."""
    own = select(
        monitor_channel.c.monitor_id,
        monitor_channel.c.channel_id,
        monitor_channel.c.channel_id.label("through"),
    )
    in_groups = select(
        monitor_channel.c.monitor_id,
        channel_member.c.channel_id,
        monitor_channel.c.channel_id.label("through"),
    ).join(channel_member, channel_member.c.group_id == monitor_channel.c.channel_id)
    return union_all(own, in_groups).subquery()
