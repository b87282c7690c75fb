"""Sets of channels: who is in one, who is tested, and who is reached through one."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.channels.registry import InvalidChannel
from earlywatch.models import Channel, Delivery, Workspace
from earlywatch.services import channel_lists, channels, groups
from earlywatch.services.channel_proofs import request_confirmation
from earlywatch.services.channels import ChannelValues, NobodyThere, TooSoon
from tests.builders import make_channel, make_monitor, make_workspace


def make_group(session: Session, workspace: Workspace, now: datetime, *members: Channel) -> Channel:
    values = ChannelValues("Night shift", {"channel_ids": [member.id for member in members]})
    return channels.create_channel(session, workspace, "group", values, now)


def channels_tested(session: Session) -> list[int]:
    query = select(Delivery.channel_id).where(Delivery.alert == "test").order_by(Delivery.id)
    return list(session.scalars(query))


def test_a_group_works_at_once_and_nobody_is_asked(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail, phone = make_channel(session, workspace, name="b"), make_channel(session, workspace)

    group = make_group(session, workspace, now, phone, mail)

    assert group.usable
    assert groups.members_of(session, group) == [mail, phone]
    assert groups.groups_of(session, mail) == [group]
    assert session.scalars(select(Delivery)).all() == []


def test_only_channels_of_the_workspace_that_are_no_groups_become_members(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    mail, foreign = make_channel(session, workspace), make_channel(session)
    inner = make_group(session, workspace, now, mail)

    group = make_group(session, workspace, now, mail, foreign, inner)

    assert groups.members_of(session, group) == [mail]
    assert group.config == {"channel_ids": [mail.id]}
    assert groups.list_possible(session, workspace) == [mail]
    with pytest.raises(InvalidChannel, match="at least one"):
        make_group(session, workspace, now, foreign, inner)


def test_another_choice_needs_no_confirmation(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail, phone = make_channel(session, workspace), make_channel(session, workspace)
    group = make_group(session, workspace, now, mail)

    values = ChannelValues("Day shift", {"channel_ids": [phone.id]})
    moved = channels.edit_channel(session, workspace, group.id, values, now)

    assert not moved
    assert group.usable
    assert groups.members_of(session, group) == [phone]
    assert session.scalars(select(Delivery)).all() == []


def test_to_ask_a_group_for_proof_asks_nobody(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    group = make_group(session, workspace, now, make_channel(session, workspace))

    request_confirmation(session, workspace, group.id, now)

    assert group.usable
    assert session.scalars(select(Delivery)).all() == []


def test_a_deleted_channel_leaves_its_groups(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail, phone = make_channel(session, workspace), make_channel(session, workspace)
    group, pair = make_group(session, workspace, now, mail), make_group(
        session, workspace, now, mail, phone
    )  # fmt: skip

    channels.delete_channel(session, workspace, mail.id, now)
    session.expire_all()

    assert (group.config, pair.config) == ({"channel_ids": []}, {"channel_ids": [phone.id]})
    assert groups.members_of(session, group) == []
    assert groups.members_of(session, pair) == [phone]


def test_a_test_of_a_group_tests_each_channel_that_works(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail, phone = make_channel(session, workspace, name="a"), make_channel(session, workspace)
    waiting = make_channel(session, workspace, verified=False)
    broken = make_channel(session, workspace, broken_at=now)
    group = make_group(session, workspace, now, phone, mail, waiting, broken)

    queued = channels.send_test(session, workspace, group.id, now)

    assert len(queued) == 2
    assert channels_tested(session) == [mail.id, phone.id]
    with pytest.raises(TooSoon):
        channels.send_test(session, workspace, group.id, now + timedelta(seconds=5))


def test_a_group_that_nobody_hears_says_so(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    group = make_group(session, workspace, now, make_channel(session, workspace, verified=False))

    with pytest.raises(NobodyThere, match="no test was sent"):
        channels.send_test(session, workspace, group.id, now)


def test_a_monitor_uses_the_channels_of_its_groups(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail = make_channel(session, workspace)
    group = make_group(session, workspace, now, mail)
    monitor = make_monitor(session, workspace, channels=[group, mail])
    through = make_monitor(session, workspace, "through the group", channels=[group])

    rows = {row.channel.id: row.monitors for row in channel_lists.list_channels(session, workspace)}

    assert channel_lists.users_of(session, mail).shown == [monitor, through]
    assert channel_lists.users_of(session, group).count == 2
    assert rows == {mail.id: 2, group.id: 2}


def test_a_group_of_one_is_no_other_way_to_that_one(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail, phone = make_channel(session, workspace), make_channel(session, workspace)
    lone, pair = make_group(session, workspace, now, mail), make_group(
        session, workspace, now, mail, phone
    )  # fmt: skip
    silent = make_monitor(session, workspace, "left alone", channels=[lone, mail])
    make_monitor(session, workspace, "in company", channels=[pair])
    twice = make_monitor(session, workspace, "twice the same", channels=[lone, phone])

    def alone(channel: Channel) -> list[str]:
        found = channel_lists.users_of(session, channel, alone=True)
        return [monitor.name for monitor in found.shown]

    assert alone(mail) == [silent.name]
    assert alone(pair) == ["in company"]
    assert alone(phone) == []
    assert alone(lone) == []
    assert twice.name not in alone(mail)
