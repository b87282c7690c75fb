"""Which policies tell through a channel, by naming it or a group that it is in."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Subquery, func, select, union
from sqlalchemy.orm import Session, lazyload

from earlywatch.models import Channel, Policy, PolicyStep, Workspace
from earlywatch.models.channel import channel_member
from earlywatch.models.policy import policy_step_channel


def policies_of(session: Session, channel: Channel) -> Sequence[Policy]:
    """Return the policies that tell through `channel`, in the order in which they are asked."""
    told = _told()
    mine = select(told.c.policy_id).where(told.c.channel_id == channel.id)
    query = select(Policy).where(Policy.id.in_(mine)).order_by(Policy.position, Policy.id)
    return session.scalars(query.options(lazyload(Policy.steps))).all()


def count_policies(session: Session, workspace: Workspace) -> Mapping[int, int]:
    """Return by channel how many policies of a workspace tell through it; none: left out."""
    told = _told()
    query = (
        select(told.c.channel_id, func.count().label("policies"))
        .join(Policy, Policy.id == told.c.policy_id)
        .where(Policy.workspace_id == workspace.id)
        .group_by(told.c.channel_id)
    )
    return {row.channel_id: row.policies for row in session.execute(query)}


def _told() -> Subquery:
    """Return pairs of a channel and a policy, each once."""
    named = select(policy_step_channel.c.channel_id, PolicyStep.policy_id).join(
        PolicyStep, PolicyStep.id == policy_step_channel.c.step_id
    )
    through_groups = (
        select(channel_member.c.channel_id, PolicyStep.policy_id)
        .join(policy_step_channel, policy_step_channel.c.channel_id == channel_member.c.group_id)
        .join(PolicyStep, PolicyStep.id == policy_step_channel.c.step_id)
    )
    return union(named, through_groups).subquery()
