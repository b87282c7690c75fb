"""Which policies tell through a channel."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.models import Channel, Workspace
from earlywatch.services import channel_uses, channels, policies
from earlywatch.services.channels import ChannelValues
from earlywatch.services.policies import PolicyValues
from tests.builders import make_channel, make_workspace

MINUTE = timedelta(minutes=1)


def make_policy(
    session: Session, workspace: Workspace, name: str, now: datetime, *told: Channel
) -> None:
    """Add a policy that tells one channel after the other."""
    steps = tuple(
        Step(place * MINUTE, own=False, channel_ids=(channel.id,))
        for place, channel in enumerate(told)
    )
    policies.create_policy(session, workspace, PolicyValues(name, Plan(steps)), now)


def test_a_policy_counts_once_whether_it_names_a_channel_or_its_group(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    mail, phone, spare = (make_channel(session, workspace) for _ in range(3))
    members = ChannelValues("On call", {"channel_ids": [mail.id, phone.id]})
    group = channels.create_channel(session, workspace, "group", members, now)
    make_policy(session, workspace, "nights", now, mail, group, mail)
    make_policy(session, workspace, "days", now, phone)

    names = [
        [policy.name for policy in channel_uses.policies_of(session, each)]
        for each in (mail, phone, group, spare)
    ]

    assert names == [["nights"], ["nights", "days"], ["nights"], []]
    counts = channel_uses.count_policies(session, workspace)
    assert counts == {mail.id: 1, phone.id: 2, group.id: 1}
    assert channel_uses.count_policies(session, make_workspace(session)) == {}
