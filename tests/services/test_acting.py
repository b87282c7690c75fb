"""Acknowledging and snoozing: who is told what afterwards, and when."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause
from earlywatch.domain.snooze import Act
from earlywatch.errors import NotFound
from earlywatch.models import Channel, Delivery, Fold, Incident, Policy, PolicyStep, Workspace
from earlywatch.models.incident import Held
from earlywatch.services import acting, incidents, snoozing, telling
from earlywatch.services.acting import IsOver
from earlywatch.services.incidents import Opening
from tests.builders import (
    NOW,
    make_account,
    make_channel,
    make_incident,
    make_monitor,
    make_workspace,
)

ANNA, BEN = "anna@example.org", "ben@example.org"
MINUTE = timedelta(minutes=1)
FAR = NOW + timedelta(days=10_000)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session, time_zone="Europe/Berlin")


@pytest.fixture
def boss(session: Session, workspace: Workspace) -> Channel:
    """Who is told after ten minutes."""
    return make_channel(session, workspace)


@pytest.fixture
def incident(session: Session, workspace: Workspace, boss: Channel) -> Incident:
    """One that the monitor's own channel was told of; its policy goes on and repeats."""
    policy = Policy(
        workspace_id=workspace.id,
        name="on call",
        position=1,
        created_at=NOW,
        repeat_every=60 * MINUTE,
    )
    policy.steps = [
        PolicyStep(after=0 * MINUTE, own=True),
        PolicyStep(after=10 * MINUTE, channels=[boss]),
    ]
    session.add(policy)
    monitor = make_monitor(session, workspace, channels=[make_channel(session, workspace)])
    incidents.open_all(session, [Opening(monitor.id, Cause.MISSED, NOW, None, None)], NOW)
    return session.scalars(select(Incident)).one()


def told_after(session: Session, incident: Incident, minutes: int) -> list[tuple[str, int]]:
    """Look every minute until then; return what was told in all, as kind and number."""
    for minute in range(1, minutes + 1):
        telling.tell_due(session, NOW + minute * MINUTE)
    query = select(Delivery.alert, Delivery.number).where(Delivery.incident_id == incident.id)
    return [(alert, number) for alert, number in session.execute(query.order_by(Delivery.id))]


def folded(session: Session, workspace: Workspace, count: int) -> list[Incident]:
    """Incidents told of together; the first one leads."""
    monitors = [make_monitor(session, workspace, status="late") for _ in range(count)]
    fold = Fold(
        workspace_id=workspace.id,
        key="host",
        first_id=0,
        shared="the host",
        opened_at=NOW,
        joined_at=NOW,
    )
    session.add(fold)
    session.flush()
    members = [
        make_incident(
            session,
            monitor,
            fold_id=fold.id,
            held=Held.FOLDED.value if place else None,
            next_step_at=None if place else NOW + 10 * MINUTE,
            told_since=NOW,
            step=1,
        )
        for place, monitor in enumerate(monitors)
    ]
    fold.first_id = members[0].id
    return members


def test_who_acknowledged_is_named_and_nobody_else_is_told(
    session: Session, incident: Incident
) -> None:
    acting.acknowledge(session, incident.id, ANNA, NOW + MINUTE)

    assert (incident.acknowledged_by, incident.acknowledged_at) == (ANNA, NOW + MINUTE)
    assert told_after(session, incident, 90) == [("opened", 0)]


def test_who_acknowledged_first_stays_named(session: Session, incident: Incident) -> None:
    acting.acknowledge(session, incident.id, ANNA, NOW + MINUTE)
    acting.acknowledge(session, incident.id, BEN, NOW + 2 * MINUTE)

    assert incident.acknowledged_by == ANNA
    assert [act.by for act in incident.acts] == [ANNA]


def test_what_was_taken_back_goes_on_where_it_was(session: Session, incident: Incident) -> None:
    acting.acknowledge(session, incident.id, ANNA, NOW + 5 * MINUTE)
    acting.unacknowledge(session, incident.id, ANNA, NOW + 65 * MINUTE)

    telling.tell_due(session, NOW + 65 * MINUTE)
    session.refresh(incident)

    assert incident.acknowledged_at is None
    assert incident.next_step_at == NOW + 70 * MINUTE  # five of the ten minutes were left


def test_a_snooze_moves_the_steps_and_ends_with_a_reminder(
    session: Session, incident: Incident
) -> None:
    acting.snooze(session, incident.id, NOW + 63 * MINUTE, ANNA, NOW + 3 * MINUTE)

    assert told_after(session, incident, 62) == [("opened", 0)]
    assert told_after(session, incident, 69) == [("opened", 0), ("reminder", 1)]
    assert told_after(session, incident, 70)[2:] == [("escalated", 1)]


def test_a_second_snooze_counts_from_when_it_was_pressed(
    session: Session, incident: Incident
) -> None:
    acting.snooze(session, incident.id, NOW + 240 * MINUTE, ANNA, NOW)
    acting.snooze(session, incident.id, NOW + 70 * MINUTE, BEN, NOW + 10 * MINUTE)

    assert incident.told_since == NOW + 70 * MINUTE
    assert (incident.snoozed_until, incident.snoozed_by) == (NOW + 70 * MINUTE, BEN)


def test_a_snooze_that_is_ended_early_gives_back_what_was_left(
    session: Session, incident: Incident
) -> None:
    acting.snooze(session, incident.id, NOW + 60 * MINUTE, ANNA, NOW)
    acting.unacknowledge(session, incident.id, ANNA, NOW + 4 * MINUTE)

    assert incident.told_since == NOW + 4 * MINUTE
    assert told_after(session, incident, 13) == [("opened", 0)]
    assert told_after(session, incident, 14) == [("opened", 0), ("escalated", 1)]


def test_a_snooze_that_has_ended_gives_nothing_back(session: Session, incident: Incident) -> None:
    acting.snooze(session, incident.id, NOW + 60 * MINUTE, ANNA, NOW)
    acting.acknowledge(session, incident.id, ANNA, NOW + 61 * MINUTE)

    assert incident.told_since == NOW + 60 * MINUTE


def test_until_it_is_back_nobody_is_told_anything(session: Session, incident: Incident) -> None:
    snoozing.press(session, incident.id, Act.BACK, ANNA, NOW + MINUTE)

    assert (incident.snoozed_by, incident.snoozed_until) == (ANNA, None)
    assert incident.acknowledged_by == ANNA
    assert told_after(session, incident, 90) == [("opened", 0)]


def test_every_press_is_on_record(session: Session, incident: Incident) -> None:
    for minute, act in enumerate((Act.HOUR, Act.TOMORROW, Act.ACKNOWLEDGE, Act.UNDO, Act.BACK)):
        snoozing.press(session, incident.id, act, ANNA, NOW + minute * MINUTE)

    found = [(act.deed, act.until) for act in incident.acts]
    assert found == [
        ("snoozed", NOW.replace(hour=6, minute=18, second=0)),
        ("snoozed", (NOW + timedelta(days=1)).replace(hour=8, minute=0, second=0)),
        ("acknowledged", None),
        ("undone", None),
        ("snoozed", None),
    ]


def test_nothing_is_undone_where_nothing_was_done(session: Session, incident: Incident) -> None:
    before = incident.next_step_at

    acting.unacknowledge(session, incident.id, ANNA, NOW + MINUTE)

    assert (incident.next_step_at, incident.acts) == (before, [])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_done_about_one_is_done_about_all_told_of_together(
    session: Session, workspace: Workspace, place: int
) -> None:
    members = folded(session, workspace, 3)

    acting.acknowledge(session, members[place].id, ANNA, NOW)

    assert [member.acknowledged_by for member in members] == [ANNA] * 3
    assert [member.next_step_at for member in members] == [None] * 3


def test_only_the_leader_of_many_is_looked_at_again(session: Session, workspace: Workspace) -> None:
    members = folded(session, workspace, 3)

    acting.snooze(session, members[1].id, NOW + 60 * MINUTE, ANNA, NOW)

    assert [member.next_step_at for member in members] == [NOW + 60 * MINUTE, None, None]
    assert {member.snoozed_by for member in members} == {ANNA}
    assert snoozing.count_others(session, members[1]) == 2


def test_who_acts_on_one_that_is_back_acts_on_those_that_are_not(
    session: Session, workspace: Workspace
) -> None:
    first, second = folded(session, workspace, 2)
    first.resolved_at = NOW
    session.flush()

    acting.acknowledge(session, first.id, ANNA, NOW)

    assert (first.acknowledged_by, second.acknowledged_by) == (None, ANNA)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.integers(1, 500), st.sampled_from([act for act in Act if act != Act.UNDO])),
        max_size=6,
    )
)
def test_the_steps_lose_exactly_the_time_of_rest(
    session: Session, workspace: Workspace, presses: list[tuple[int, Act]]
) -> None:
    monitor = make_monitor(session, workspace, status="late")
    incident = make_incident(session, monitor, told_since=NOW, step=1)
    at, awake, rests_until = NOW, timedelta(0), NOW

    for minutes, act in [*presses, (1, Act.UNDO)]:
        begin, at = at, at + minutes * MINUTE
        awake += max(at - max(begin, rests_until), timedelta(0))
        taken = incident.acknowledged_at is not None
        snoozing.press(session, incident.id, act, ANNA, at)
        if act is Act.UNDO or (taken and act in (Act.ACKNOWLEDGE, Act.BACK)):
            continue
        rests_until = incident.snoozed_until or FAR

    assert incident.told_since is not None
    assert at - incident.told_since == awake


def test_what_is_over_needs_nobody(session: Session, incident: Incident, now: datetime) -> None:
    incident.resolved_at = now
    session.flush()

    for act in Act:
        with pytest.raises(IsOver):
            snoozing.press(session, incident.id, act, ANNA, now)
    with pytest.raises(NotFound):
        acting.acknowledge(session, incident.id + 1000, ANNA, now)


def test_an_incident_of_somebody_else_is_not_there(session: Session, incident: Incident) -> None:
    other = make_workspace(session, make_account(session))

    with pytest.raises(NotFound):
        snoozing.check_mine(session, other, incident.id)
