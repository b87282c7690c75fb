"""A channel is deleted while alerts wait in it: whoever is left is told."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Monitor, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.services import acting, channels
from tests.builders import NOW, make_channel, make_delivery, make_workspace
from tests.services.folds import (
    HOUR,
    MINUTE,
    SECOND,
    back,
    deliveries,
    make_late,
    mark_sent,
    open_all,
    open_one,
    tick,
)
from tests.services.tellings import make_policy

HOST = "192.0.2.7"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def old(session: Session, workspace: Workspace) -> Channel:
    """The channel that is replaced."""
    return make_channel(session, workspace)


@pytest.fixture
def other(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def replace(session: Session, old: Channel, other: Channel, now: datetime = NOW) -> None:
    """Let all monitors use the other channel, and delete the old one."""
    of_old = monitor_channel.c.channel_id == old.id
    for monitor_id in session.scalars(monitor_channel.select().where(of_old)).all():
        link = {"monitor_id": monitor_id, "channel_id": other.id}
        session.execute(insert(monitor_channel).values(link))
    workspace = session.get_one(Workspace, old.workspace_id)
    channels.delete_channel(session, workspace, old.id, now)
    session.expire_all()


def ticks(session: Session, now: datetime, minutes: int = 100) -> None:
    for minute in range(minutes):
        tick(session, now + minute * MINUTE)


def told(session: Session) -> list[tuple[str, int]]:
    """Alert and channel of each delivery, in order."""
    return [(each.alert, each.channel_id) for each in deliveries(session)]


def late(session: Session, workspace: Workspace, channel: Channel, now: datetime) -> Monitor:
    """A monitor that is late, whose alert waits in a channel."""
    monitor = make_late(session, workspace, [channel])
    open_all(session, [monitor], now)
    return monitor


@pytest.mark.parametrize("state", ["pending", "gathered", "failed", "merged"])
def test_an_alert_that_waited_in_a_deleted_channel_is_told_through_the_others(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime, state: str
) -> None:
    late(session, workspace, old, now)
    [waiting] = deliveries(session)
    waiting.state = state
    if state == "merged":
        waiting.leader_id = make_delivery(session, old).id
    session.flush()

    replace(session, old, other)
    ticks(session, now)

    assert told(session) == [("opened", other.id)]


def test_what_was_read_in_a_deleted_channel_is_not_told_again(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    make_policy(session, workspace, (0, []), repeat_every=HOUR)
    late(session, workspace, old, now)
    mark_sent(session, now)
    tick(session, now + HOUR)
    assert told(session) == [("opened", old.id), ("reminder", old.id)]

    replace(session, old, other, now + HOUR)
    ticks(session, now + HOUR)

    assert told(session) == [("reminder", other.id)]


def test_what_was_read_in_a_digest_is_not_told_again(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    late(session, workspace, old, now)
    [gathered] = deliveries(session)
    digest = make_delivery(session, old, state="sent", sent_at=now)
    gathered.state, gathered.leader_id = "merged", digest.id
    session.flush()

    replace(session, old, other)
    ticks(session, now)

    assert told(session) == []


@pytest.mark.parametrize("sent", [True, False])
def test_what_another_channel_tells_is_not_told_again(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime, sent: bool
) -> None:
    both = make_late(session, workspace, [old, other])
    open_all(session, [both], now)
    if sent:
        other_alert = deliveries(session)[1]
        other_alert.state, other_alert.sent_at = "sent", now
        session.flush()

    channels.delete_channel(session, workspace, old.id, now)
    third = make_channel(session, workspace)
    session.execute(insert(monitor_channel).values({"monitor_id": both.id, "channel_id": third.id}))
    ticks(session, now)

    assert told(session) == [("opened", other.id)]


def test_two_channels_deleted_one_after_the_other_leave_nobody_untold(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    open_all(session, [make_late(session, workspace, [old, other])], now)
    third = make_channel(session, workspace)

    channels.delete_channel(session, workspace, old.id, now)
    replace(session, other, third)
    ticks(session, now)

    assert told(session) == [("opened", third.id)]


def test_where_nobody_is_left_the_channel_that_is_added_next_is_told(
    session: Session, workspace: Workspace, old: Channel, now: datetime
) -> None:
    monitor = late(session, workspace, old, now)
    channels.delete_channel(session, workspace, old.id, now)
    ticks(session, now, 10)

    other = make_channel(session, workspace)
    session.execute(
        insert(monitor_channel).values({"monitor_id": monitor.id, "channel_id": other.id})
    )
    ticks(session, now + 10 * MINUTE)

    assert told(session) == [("opened", other.id)]


def test_what_somebody_acknowledged_is_told_when_they_undo_that(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    monitor = late(session, workspace, old, now)
    incident_id = open_one(session, monitor).id
    acting.acknowledge(session, incident_id, "anna", now)

    replace(session, old, other)
    ticks(session, now)
    meanwhile = told(session)
    acting.unacknowledge(session, incident_id, "anna", now + 2 * HOUR)
    tick(session, now + 2 * HOUR)

    assert meanwhile == []
    assert told(session) == [("opened", other.id)]


def test_what_is_snoozed_is_told_afterwards(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    incident_id = open_one(session, late(session, workspace, old, now)).id
    acting.snooze(session, incident_id, now + HOUR, "anna", now)

    replace(session, old, other)
    ticks(session, now, 60)
    meanwhile = told(session)
    tick(session, now + HOUR)

    assert meanwhile == []
    assert told(session) == [("opened", other.id)]


def test_what_is_over_is_told_no_more(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime
) -> None:
    monitor = late(session, workspace, old, now)
    back(session, monitor, now + SECOND)

    replace(session, old, other, now + MINUTE)
    ticks(session, now + MINUTE)

    assert told(session) == []


@pytest.mark.parametrize("ended", [0, 1, 2], ids=["all last", "one is back", "two are back"])
def test_what_is_told_together_is_told_together_anew(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime, ended: int
) -> None:
    monitors = [make_late(session, workspace, [old], HOST) for _ in range(3)]
    first = open_all(session, monitors, now)[0]
    for monitor in monitors[:ended]:
        back(session, monitor, now + SECOND)

    replace(session, old, other, now + 2 * SECOND)
    ticks(session, now + timedelta(seconds=2), 5)

    assert told(session) == [("opened", other.id)]
    assert deliveries(session)[0].incident_id == first.id


@pytest.mark.parametrize("read", [True, False], ids=["read since", "not read since"])
def test_who_joined_those_that_were_told_together_is_not_forgotten(
    session: Session, workspace: Workspace, old: Channel, other: Channel, now: datetime, read: bool
) -> None:
    monitors = [make_late(session, workspace, [old], HOST) for _ in range(4)]
    open_all(session, monitors[:3], now)
    mark_sent(session, now)
    open_all(session, monitors[3:], now + MINUTE)
    if read:
        mark_sent(session, now + MINUTE)

    replace(session, old, other, now + 2 * MINUTE)
    ticks(session, now + 2 * MINUTE, 5)

    assert told(session) == ([] if read else [("opened", other.id)])
