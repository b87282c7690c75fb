"""Channels that nobody has answered on: who hears of them, and how often."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Delivery, Policy, PolicyStep, Workspace
from earlywatch.models.channel import channel_member
from earlywatch.services import proving
from tests.builders import NOW, make_channel, make_monitor, make_workspace

DAY = timedelta(days=1)
LONG_AGO = NOW - 31 * DAY
Use = Callable[[Session, Workspace, Channel], None]


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


def old(session: Session, workspace: Workspace, name: str, **columns: Any) -> Channel:
    """A channel confirmed long ago."""
    values: dict[str, Any] = {"name": name, "verified_at": LONG_AGO, **columns}
    return make_channel(session, workspace, **values)


def used(session: Session, workspace: Workspace, *channels: Channel) -> None:
    make_monitor(session, workspace, status="new", channels=channels)


def notices(session: Session) -> list[tuple[str, str]]:
    """Return to which channel what was said."""
    query = select(Delivery).where(Delivery.alert == "notice").order_by(Delivery.id)
    return [
        (delivery.channel.name, delivery.words["subject"])
        for delivery in session.scalars(query)
        if delivery.words
    ]


def by_monitor(session: Session, workspace: Workspace, channel: Channel) -> None:
    used(session, workspace, channel)


def by_group(session: Session, workspace: Workspace, channel: Channel) -> None:
    group = make_channel(session, workspace, "group", config={"channel_ids": [channel.id]})
    link = {"group_id": group.id, "channel_id": channel.id}
    session.execute(insert(channel_member).values(**link))
    used(session, workspace, group)


def by_policy(session: Session, workspace: Workspace, channel: Channel) -> None:
    used(session, workspace)
    policy = Policy(workspace_id=workspace.id, name="on call", position=1, created_at=NOW)
    policy.steps = [PolicyStep(after=0 * DAY, channels=[channel])]
    session.add(policy)


def by_fallback(session: Session, workspace: Workspace, channel: Channel) -> None:
    used(session, workspace)
    workspace.fallback_channel_id = channel.id


@pytest.mark.parametrize("use", [by_monitor, by_group, by_policy, by_fallback])
def test_one_in_use_that_was_confirmed_long_ago_is_told_of(
    session: Session, workspace: Workspace, use: Use
) -> None:
    channel = old(session, workspace, "Phone")
    use(session, workspace, channel)
    session.flush()

    assert list(proving.list_unproven(session, workspace, NOW)) == [channel]
    assert proving.tell_unproven(session, NOW) == 1
    assert notices(session) == [
        ("Phone", "The channel Phone has not been proven for 30 days"),
    ]


def test_one_that_nothing_uses_is_left_alone(session: Session, workspace: Workspace) -> None:
    old(session, workspace, "Phone")
    used(session, workspace)

    assert proving.tell_unproven(session, NOW) == 0


def test_a_workspace_that_watches_nothing_is_left_alone(
    session: Session, workspace: Workspace
) -> None:
    channel = old(session, workspace, "Phone")
    make_monitor(session, workspace, status="paused", channels=[channel])
    make_monitor(session, workspace, status="frozen", channels=[channel])

    assert proving.tell_unproven(session, NOW) == 0
    assert not proving.list_unproven(session, workspace, NOW)


@pytest.mark.parametrize(
    "columns",
    [
        {"proven_at": NOW - 29 * DAY},
        {"verified_at": NOW - 29 * DAY},
        {"verified_at": None},
        {"broken_at": NOW},
        {"unsubscribed_at": NOW},
    ],
)
def test_one_proven_lately_or_that_does_not_work_is_not_told_of(
    session: Session, workspace: Workspace, columns: dict[str, object]
) -> None:
    used(session, workspace, old(session, workspace, "Phone", **columns))

    assert proving.tell_unproven(session, NOW) == 0


def test_it_is_told_through_the_channel_that_was_answered_on_last(
    session: Session, workspace: Workspace
) -> None:
    old(session, workspace, "Old mail")
    make_channel(session, workspace, name="Chat", verified_at=NOW - DAY)
    used(session, workspace, old(session, workspace, "Phone"))

    proving.tell_unproven(session, NOW)

    assert [name for name, _ in notices(session)] == ["Chat"]


@pytest.mark.parametrize("kind", ["voice", "sms"])
def test_a_phone_is_not_used_for_it_where_anything_else_works(
    session: Session, workspace: Workspace, kind: str
) -> None:
    make_channel(session, workspace, kind, name="Phone", verified_at=NOW - DAY)
    old(session, workspace, "Other mail")
    used(session, workspace, old(session, workspace, "Mail"))

    proving.tell_unproven(session, NOW)

    assert [name for name, _ in notices(session)] == ["Other mail"]


@pytest.mark.parametrize(("kind", "told"), [("voice", []), ("sms", ["Phone"])])
def test_nobody_is_called_for_it_even_if_nothing_else_works(
    session: Session, workspace: Workspace, kind: str, told: list[str]
) -> None:
    phone = old(session, workspace, "Phone", kind=kind)
    used(session, workspace, phone)

    assert proving.tell_unproven(session, NOW) == 1

    assert [name for name, _ in notices(session)] == told
    assert list(proving.list_unproven(session, workspace, NOW)) == [phone], "the pages say so"


def test_many_are_told_of_at_once_and_the_one_that_tells_through_another(
    session: Session, workspace: Workspace
) -> None:
    best = old(session, workspace, "Best", verified_at=LONG_AGO + timedelta(hours=1))
    others = [old(session, workspace, f"Mail {number}") for number in range(25)]
    used(session, workspace, best, *others)

    assert proving.tell_unproven(session, NOW) == 26

    assert sorted(notices(session)) == [
        ("Best", "25 channels have not been proven for 30 days"),
        ("Mail 0", "The channel Best has not been proven for 30 days"),
    ]
    words = session.scalars(select(Delivery.words).where(Delivery.channel_id == best.id)).one()
    assert words is not None
    assert words["rows"][-1] == ["And", "5 more"]


def test_each_is_told_of_once_in_thirty_days_until_somebody_answers(
    session: Session, workspace: Workspace
) -> None:
    channel = old(session, workspace, "Phone")
    used(session, workspace, channel)

    def told(at: datetime) -> int:
        session.flush()
        return proving.tell_unproven(session, at)

    assert [told(NOW), told(NOW), told(NOW + 29 * DAY), told(NOW + 30 * DAY)] == [1, 0, 0, 1]
    proving.prove(session, channel.id, NOW + 31 * DAY)
    assert told(NOW + 60 * DAY) == 0
    assert told(NOW + 61 * DAY) == 1


def test_an_older_answer_does_not_put_the_proof_back(
    session: Session, workspace: Workspace
) -> None:
    channel = old(session, workspace, "Phone")

    proving.prove(session, channel.id, NOW)
    proving.prove(session, channel.id, NOW - DAY)

    session.refresh(channel)
    assert channel.proven_at == NOW


def test_some_at_a_time_are_told_of_in_the_end(session: Session, workspace: Workspace) -> None:
    channels = [old(session, workspace, f"Mail {number}") for number in range(5)]
    used(session, workspace, *channels)

    rounds = []
    for _ in range(4):
        rounds.append(proving.tell_unproven(session, NOW, limit=2))
        session.flush()

    assert rounds == [2, 2, 1, 0]
