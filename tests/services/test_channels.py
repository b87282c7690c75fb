"""Adding, changing, testing and deleting channels, and what their pages show."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.errors import NotFound
from earlywatch.models import Channel, Delivery, Workspace
from earlywatch.services import channel_lists, channels, monitors
from earlywatch.services.channel_lists import ChannelState, state_of
from earlywatch.services.channels import ChannelValues, InvalidChannelName, TooSoon
from tests.builders import (
    NOW,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)
from tests.statements import statements

MAIL = {"address": "ops@example.org"}


def sent(session: Session, channel: Channel) -> list[str]:
    query = select(Delivery.alert).where(Delivery.channel_id == channel.id).order_by(Delivery.id)
    return list(session.scalars(query))


def test_a_new_channel_must_be_confirmed_before_the_first_alert(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)

    channel = channels.create_channel(session, workspace, "email", ChannelValues("Team", MAIL), now)

    assert state_of(channel) is ChannelState.WAITING
    assert not channel.usable
    assert sent(session, channel) == ["confirm"]


def test_a_channel_without_a_name_is_called_by_its_target(session: Session, now: datetime) -> None:
    channel = channels.create_channel(
        session, make_workspace(session), "email", ChannelValues("", MAIL), now
    )

    assert channel.name == "ops@example.org"


def test_a_new_channel_can_be_used_by_all_monitors_of_its_workspace(
    session: Session, now: datetime
) -> None:
    monitor, foreign = make_monitor(session), make_monitor(session)
    workspace = session.get_one(Workspace, monitor.workspace_id)

    channel = channels.create_channel(
        session, workspace, "email", ChannelValues("", MAIL), now, everywhere=True
    )

    assert monitors.channels_of(session, monitor) == [channel]
    assert monitors.channels_of(session, foreign) == []


def test_a_new_name_needs_no_new_confirmation(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace, config=MAIL)

    moved = channels.edit_channel(
        session, workspace, channel.id, ChannelValues("Team", MAIL, is_default=False), now
    )

    assert not moved
    assert (channel.name, channel.is_default, channel.usable) == ("Team", False, True)
    assert sent(session, channel) == []


def test_a_new_target_must_be_confirmed_and_voids_what_was_sent_to_the_old_one(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    channel = make_channel(
        session, workspace, broken_at=now, broken_reason="gone", unsubscribed_at=now,
        confirm_guesses=4,
    )  # fmt: skip
    target = {"address": "new@example.org"}

    moved = channels.edit_channel(session, workspace, channel.id, ChannelValues("", target), now)

    assert moved
    assert state_of(channel) is ChannelState.WAITING
    assert (channel.confirm_epoch, channel.confirm_guesses) == (1, 0)
    assert channel.broken_reason is None
    assert sent(session, channel) == ["confirm"]


@pytest.mark.parametrize("broken", [True, False])
def test_a_new_token_mends_a_channel_that_broke_and_asks_nothing_of_others(
    session: Session, now: datetime, broken: bool
) -> None:
    workspace = make_workspace(session)
    topic = {"server": "https://ntfy.sh", "topic": "abc", "token": "tk_old"}
    since = now if broken else None
    channel = make_channel(session, workspace, "ntfy", config=topic, broken_at=since)
    values = ChannelValues("", {**topic, "token": "tk_new"})

    moved = channels.edit_channel(session, workspace, channel.id, values, now)

    assert moved is broken
    assert state_of(channel) is (ChannelState.WAITING if broken else ChannelState.WORKS)
    assert sent(session, channel) == (["confirm"] if broken else [])


def test_a_new_name_of_a_broken_channel_does_not_mend_it(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace, config=MAIL, broken_at=now)

    assert not channels.edit_channel(session, workspace, channel.id, ChannelValues("x", MAIL), now)
    assert state_of(channel) is ChannelState.BROKEN


def test_tests_are_not_sent_in_a_row(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)

    channels.send_test(session, workspace, channel.id, now)
    with pytest.raises(TooSoon, match="in 10 s"):
        channels.send_test(session, workspace, channel.id, now + timedelta(seconds=5))
    channels.send_test(session, workspace, channel.id, now + timedelta(seconds=15))

    assert sent(session, channel) == ["test", "test"]


def test_a_deleted_channel_is_used_by_no_monitor(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace, name="Team mail")
    monitor = make_monitor(session, workspace, channels=[channel])
    make_delivery(session, channel, make_incident(session, monitor))

    name = channels.delete_channel(session, workspace, channel.id, now)

    assert name == "Team mail"
    assert monitors.channels_of(session, monitor) == []
    assert list(session.scalars(select(Channel))) == []


def test_channels_of_another_workspace_do_not_exist(session: Session, now: datetime) -> None:
    channel, strangers = make_channel(session), make_workspace(session)

    with pytest.raises(NotFound):
        channels.find_channel(session, strangers, channel.id)
    with pytest.raises(NotFound):
        channels.edit_channel(session, strangers, channel.id, ChannelValues("", MAIL), now)
    with pytest.raises(NotFound):
        channels.send_test(session, strangers, channel.id, now)
    with pytest.raises(NotFound):
        channels.delete_channel(session, strangers, channel.id, now)


@pytest.mark.parametrize("text", ["x" * 101, "bell \a"])
def test_channel_names_that_cannot_be_shown_are_refused(text: str) -> None:
    with pytest.raises(InvalidChannelName, match=r"\.$"):
        channels.clean_channel_name(text)


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, ChannelState.WORKS),
        ({"verified_at": None}, ChannelState.WAITING),
        ({"broken_at": NOW}, ChannelState.BROKEN),
        ({"broken_at": NOW, "unsubscribed_at": NOW}, ChannelState.UNSUBSCRIBED),
    ],
)
def test_a_channel_has_one_state(columns: dict[str, datetime], state: ChannelState) -> None:
    channel = Channel(**{"verified_at": NOW, **columns})

    assert state_of(channel) is state


def test_the_list_counts_the_monitors_of_each_channel_in_one_query(session: Session) -> None:
    workspace = make_workspace(session)
    mail = make_channel(session, workspace, name="mail")
    room = make_channel(session, workspace, "slack", name="Room")
    make_channel(session)
    for _ in range(3):
        make_monitor(session, workspace, channels=[mail])
    make_monitor(session, workspace, channels=[mail, room])
    with statements(session) as ran:
        rows = channel_lists.list_channels(session, workspace)

    assert [(row.channel.name, row.monitors) for row in rows] == [("mail", 4), ("Room", 1)]
    assert len(ran) == 1


def test_monitors_that_would_tell_nobody_are_named(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    mail = make_channel(session, workspace)
    room = make_channel(session, workspace, "slack")
    dead = make_channel(session, workspace, "slack", broken_at=now)
    make_monitor(session, workspace, "alone", channels=[mail])
    make_monitor(session, workspace, "as good as alone", channels=[mail, dead])
    make_monitor(session, workspace, "in company", channels=[mail, room])

    everybody = channel_lists.users_of(session, mail)
    alone = channel_lists.users_of(session, mail, alone=True)

    assert everybody.count == 3
    assert [monitor.name for monitor in alone.shown] == ["alone", "as good as alone"]
    assert alone.count == 2


def test_what_was_sent_lately_names_monitors_without_further_queries(session: Session) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    for number in range(3):
        monitor = make_monitor(session, workspace, f"monitor {number}")
        make_delivery(session, channel, make_incident(session, monitor))
    make_delivery(session, channel)
    session.expunge_all()

    with statements(session) as ran:
        found = channel_lists.recent_deliveries(session, channel)
        names = [row.incident.monitor.name if row.incident else row.alert for row in found]

    assert names == ["test", "monitor 2", "monitor 1", "monitor 0"]
    assert len(ran) == 2  # the second reads the tries of all
