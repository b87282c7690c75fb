"""Incidents whose policy is changed or deleted: nobody is forgotten, and nobody told twice."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.models import Channel, Policy, Workspace
from earlywatch.services import acting, policies
from earlywatch.services.policies import PolicyValues
from tests.builders import make_channel, make_workspace
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

ANNA = "anna@example.org"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


@pytest.fixture
def phone(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def told(session: Session, now: datetime) -> list[tuple[int, str, int]]:
    """Minute, alert and channel of each delivery, in order."""
    return [
        (int((each.created_at - now) / MINUTE), each.alert, each.channel_id)
        for each in deliveries(session)
    ]


def tick_on(session: Session, now: datetime, first: int, last: int) -> None:
    """Look every ten minutes."""
    session.expire_all()
    for minute in range(first, last + 1, 10):
        tick(session, now + minute * MINUTE)


def edit(session: Session, policy: Policy, *steps: tuple[int, Channel], every: int = 0) -> None:
    """Let a policy have steps after so many minutes, and reminders."""
    plan = Plan(
        tuple(Step(after * MINUTE, False, (channel.id,)) for after, channel in steps),
        every * MINUTE if every else None,
    )
    workspace = session.get_one(Workspace, policy.workspace_id)
    policies.edit_policy(session, workspace, policy.id, PolicyValues("on call", plan))


@pytest.mark.parametrize("count", [1, 3])
def test_when_a_policy_is_deleted_the_next_that_fits_goes_on(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, count: int
) -> None:
    first = make_policy(session, workspace, (0, [channel]), (10, [phone]), position=0)
    make_policy(session, workspace, (0, [channel]), (10, [phone]), repeat_every=HOUR, position=1)
    late = [make_late(session, workspace, [channel], "192.0.2.7") for _ in range(count)]
    now = open_all(session, late)[0].opened_at

    policies.delete_policy(session, workspace, first.id)
    tick_on(session, now, 0, 80)

    assert told(session, now) == [
        (0, "opened", channel.id),
        (10, "escalated", phone.id),
        (70, "reminder", channel.id),
        (70, "reminder", phone.id),
    ]


def test_a_policy_that_fits_no_other_incident_takes_over_none(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    first = make_policy(session, workspace, (0, [channel]), (10, [phone]), position=0)
    make_policy(session, workspace, (0, [channel]), (10, [phone]), position=1, tags=["db"])
    late = make_late(session, workspace, [channel])
    open_all(session, [late], now)

    policies.delete_policy(session, workspace, first.id)
    tick_on(session, now, 0, 60)

    assert told(session, now) == [(0, "opened", channel.id)]
    assert open_one(session, late).next_step_at is None


def test_where_nobody_was_told_yet_the_next_policy_is_not_waited_for(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    slow = make_policy(session, workspace, (60, [phone]), position=0)
    make_policy(session, workspace, (10, [channel]), position=1)
    open_all(session, [make_late(session, workspace, [channel])], now)

    policies.delete_policy(session, workspace, slow.id)
    tick_on(session, now, 0, 60)

    assert told(session, now) == [(10, "opened", channel.id)]


def test_who_takes_over_a_fold_has_the_policy_that_is_left(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    first = make_policy(session, workspace, (0, [channel]), (10, [phone]), position=0)
    make_policy(session, workspace, (0, [channel]), (10, [phone]), position=1)
    late = [make_late(session, workspace, [channel], "192.0.2.7") for _ in range(3)]
    open_all(session, late, now)

    back(session, late[0], now + SECOND)
    policies.delete_policy(session, workspace, first.id)
    tick_on(session, now, 1, 11)

    assert (11, "escalated", phone.id) in told(session, now)


def test_a_snooze_lasts_though_the_policy_is_deleted(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    first = make_policy(session, workspace, (0, [channel]), (10, [phone]), position=0)
    make_policy(session, workspace, (0, [channel]), (10, [phone]), position=1)
    [incident] = open_all(session, [make_late(session, workspace, [channel])], now)
    acting.snooze(session, incident.id, now + HOUR, ANNA, now)

    policies.delete_policy(session, workspace, first.id)
    tick_on(session, now, 0, 80)

    assert told(session, now)[1:] == [(60, "reminder", channel.id), (70, "escalated", phone.id)]


def test_steps_and_reminders_that_are_added_count_for_what_is_open(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    policy = make_policy(session, workspace, (0, [channel]))
    open_all(session, [make_late(session, workspace, [channel])], now)

    edit(session, policy, (0, channel), (10, phone), every=30)
    tick_on(session, now, 0, 40)

    assert told(session, now) == [
        (0, "opened", channel.id),
        (10, "escalated", phone.id),
        (40, "reminder", channel.id),
        (40, "reminder", phone.id),
    ]


def test_a_wait_that_is_shortened_is_not_waited_for(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    policy = make_policy(session, workspace, (0, [channel]), (60, [phone]), repeat_every=24 * HOUR)
    open_all(session, [make_late(session, workspace, [channel])], now)

    edit(session, policy, (0, channel), (20, phone), every=24 * 60)
    tick_on(session, now, 0, 60)
    edit(session, policy, (0, channel), (20, phone), every=60)
    tick_on(session, now, 60, 80)

    assert [minute for minute, *_ in told(session, now)] == [0, 20, 80, 80]


def test_a_policy_that_is_saved_as_it_was_tells_nobody_anything(
    session: Session, workspace: Workspace, channel: Channel, phone: Channel, now: datetime
) -> None:
    steps = ((0, channel), (10, phone))
    policy = make_policy(session, workspace, (0, [channel]), (10, [phone]), repeat_every=HOUR)
    late = [make_late(session, workspace, [channel]) for _ in range(2)]
    acknowledged = open_all(session, late, now)[1]
    acting.acknowledge(session, acknowledged.id, ANNA, now)
    tick_on(session, now, 0, 10)
    mark_sent(session, now + 10 * MINUTE)
    before = told(session, now)

    for minute in (20, 40, 60):
        edit(session, policy, *steps, every=60)
        tick_on(session, now, minute, minute)

    assert told(session, now) == before
    assert [open_one(session, each).next_step_at for each in late] == [now + 70 * MINUTE, None]
