"""Policies: kept in their order, with their steps, and which monitors each is for."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.monitor import Cause
from earlywatch.errors import NotFound
from earlywatch.models import Channel, Delivery, Incident, Policy, PolicyStep, Workspace
from earlywatch.services import channels, policies, telling
from earlywatch.services.policies import InvalidPolicy, PolicyValues
from earlywatch.services.routing import route_of
from tests.builders import make_channel, make_incident, make_monitor, make_workspace

MINUTE = timedelta(minutes=1)
OWN = Step(0 * MINUTE, own=True)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without anything."""
    return make_workspace(session)


def step(after: int, *who: Channel) -> Step:
    return Step(after * MINUTE, own=False, channel_ids=tuple(each.id for each in who))


def make_policy(
    session: Session, workspace: Workspace, name: str, *tags: str, now: datetime
) -> Policy:
    return policies.create_policy(session, workspace, PolicyValues(name, Plan((OWN,)), tags), now)


def names(session: Session, workspace: Workspace) -> list[str]:
    session.expire_all()
    return [policy.name for policy in policies.list_policies(session, workspace)]


def test_a_policy_is_kept_as_it_was_set(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    mail, phone = make_channel(session, workspace), make_channel(session, workspace, "sms")
    plan = Plan((step(0, mail), step(10, mail, phone)), 30 * MINUTE, 5)
    values = PolicyValues("nights", plan, ("db",), (Cause.MISSED,), (6, 7), "Europe/Berlin")

    policy = policies.create_policy(session, workspace, values, now)
    session.expire_all()

    route = route_of(policy)
    assert route.plan == plan
    assert (policy.name, policy.tags, policy.time_zone) == ("nights", ["db"], "Europe/Berlin")
    assert (policy.causes, policy.weekdays) == (["missed"], [6, 7])


def test_a_change_replaces_the_steps(session: Session, workspace: Workspace, now: datetime) -> None:
    mail = make_channel(session, workspace)
    policy = make_policy(session, workspace, "first", now=now)

    changed = PolicyValues("second", Plan((step(0, mail), step(5, mail))))
    policies.edit_policy(session, workspace, policy.id, changed)
    session.expire_all()

    assert (policy.name, route_of(policy).plan) == ("second", changed.plan)
    assert len(session.scalars(select(PolicyStep)).all()) == 2


def test_policies_are_moved_and_stay_in_order(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    first, _, third = (make_policy(session, workspace, name, now=now) for name in "abc")

    policies.move_policy(session, workspace, third.id, -1)
    assert names(session, workspace) == ["a", "c", "b"]
    policies.move_policy(session, workspace, first.id, -1)
    assert names(session, workspace) == ["a", "c", "b"]
    policies.move_policy(session, workspace, first.id, 1)
    assert names(session, workspace) == ["c", "a", "b"]


def test_channels_of_others_are_left_out(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    mine, foreign = make_channel(session, workspace), make_channel(session)

    values = PolicyValues("mixed", Plan((step(0, mine, foreign),)))
    policy = policies.create_policy(session, workspace, values, now)

    assert route_of(policy).plan.steps == (step(0, mine),)


def test_a_channel_that_is_deleted_leaves_its_steps(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    gone, stays = make_channel(session, workspace), make_channel(session, workspace)
    values = PolicyValues("both", Plan((step(0, gone, stays),)))
    policy = policies.create_policy(session, workspace, values, now)

    channels.delete_channel(session, workspace, gone.id, now)
    session.expire_all()

    assert route_of(policy).plan.steps == (step(0, stays),)


def test_the_incidents_of_a_deleted_policy_go_on_without_it(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    mail = make_channel(session, workspace)
    policy = policies.create_policy(
        session, workspace, PolicyValues("steps", Plan((step(0, mail), step(10, mail)))), now
    )
    monitor = make_monitor(session, workspace, status="late")
    incident = make_incident(session, monitor, opened_at=now, next_step_at=now)
    telling.tell_due(session, now)
    session.expire_all()
    assert incident.policy_id == policy.id

    policies.delete_policy(session, workspace, policy.id)
    telling.tell_due(session, now + 10 * MINUTE)

    assert session.scalars(select(Incident.policy_id)).one() is None
    assert len(session.scalars(select(Delivery)).all()) == 1


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(()), "at least one channel"),
        (Plan((Step(0 * MINUTE, own=False),)), "at least one channel"),
        (Plan((OWN, OWN)), "same moment"),
        (Plan((Step(-MINUTE, own=True),)), "0 minutes to 7 days"),
        (Plan((Step(timedelta(days=8), own=True),)), "0 minutes to 7 days"),
        (Plan((OWN,), timedelta(seconds=59)), "every 1 minute"),
        (Plan((OWN,), MINUTE, 0), "1 to 1,000"),
        (Plan(tuple(Step(n * MINUTE, own=True) for n in range(7))), "at most 6"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(plan: Plan, words: str) -> None:
    with pytest.raises(InvalidPolicy, match=words):
        PolicyValues("wrong", plan)


def test_a_policy_is_for_what_those_before_it_leave(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    for name, tags in (("a", ["db"]), ("b", ["db", "web"]), ("c", ["web"]), ("d", [])):
        make_monitor(session, workspace, name, tags=tags)
    make_monitor(session)
    first, second = (
        route_of(make_policy(session, workspace, tag, tag, now=now)) for tag in ("db", "web")
    )
    watched = policies.watched(session, workspace)

    found = policies.reach(watched, second, [first])

    assert [monitor.name for monitor in found.monitors] == ["c"]
    assert [monitor.name for monitor in found.taken] == ["b"]


def test_a_policy_for_some_causes_leaves_the_others_to_those_behind_it(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_monitor(session, workspace, channels=[make_channel(session, workspace)])
    plan = Plan((OWN,))
    failed = PolicyValues("failures", plan, causes=(Cause.FAILED,))
    first = route_of(policies.create_policy(session, workspace, failed, now))
    second = route_of(make_policy(session, workspace, "all", now=now))

    found = policies.reach(policies.watched(session, workspace), second, [first])

    assert (len(found.monitors), len(found.taken), len(found.silent)) == (1, 0, 0)


def test_another_workspace_has_no_such_policy(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    policy, other = make_policy(session, workspace, "a", now=now), make_workspace(session)
    values = PolicyValues("mine", Plan((OWN,)))

    for act in (
        lambda: policies.find_policy(session, other, policy.id),
        lambda: policies.edit_policy(session, other, policy.id, values),
        lambda: policies.move_policy(session, other, policy.id, 1),
        lambda: policies.delete_policy(session, other, policy.id),
    ):
        with pytest.raises(NotFound):
            act()


def test_there_is_an_end_to_the_number_of_policies(
    session: Session, workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "MOST_POLICIES", 1)
    make_policy(session, workspace, "a", now=now)

    with pytest.raises(InvalidPolicy, match="already"):
        make_policy(session, workspace, "b", now=now)
