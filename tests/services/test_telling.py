"""Planning who is told of an incident: by policy, by step, and never nobody."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Monitor, Workspace
from earlywatch.models.channel import channel_member
from earlywatch.services import acting, telling
from tests.builders import NOW, make_channel, make_incident, make_monitor, make_workspace
from tests.services.listening import MINUTE, SECOND, Ears
from tests.services.tellings import make_policy, open_incident, told


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def own(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


@pytest.fixture
def phone(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace, "sms")


@pytest.fixture
def monitor(session: Session, workspace: Workspace, own: Channel) -> Monitor:
    return make_monitor(session, workspace, tags=["db"], channels=[own], status="late")


def test_without_a_policy_the_monitors_channels_are_told_at_once(
    session: Session, monitor: Monitor, own: Channel
) -> None:
    incident = open_incident(session, monitor)

    assert told(session, incident) == [("opened", 0, own.id)]
    assert incident.next_step_at is None


def test_steps_and_reminders_follow_the_policy(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    make_policy(session, workspace, (0, []), (10, [phone]), repeat_every=30 * MINUTE, repeat_most=1)
    incident = open_incident(session, monitor)

    for minute in (5, 10, 20, 40, 90):
        telling.tell_due(session, NOW + minute * MINUTE)

    assert told(session, incident) == [
        ("opened", 0, own.id),
        ("escalated", 1, phone.id),
        ("reminder", 1, own.id),
        ("reminder", 1, phone.id),
    ]


def test_whoever_was_told_is_told_of_the_end(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    make_policy(session, workspace, (0, []), (10, [phone]), (60, [phone]))
    incident = open_incident(session, monitor)
    telling.tell_due(session, NOW + 10 * MINUTE)

    incident.resolved_at, incident.next_step_at = NOW + 11 * MINUTE, None
    session.flush()
    telling.tell_end(session, [incident.id], NOW + 11 * MINUTE)

    assert told(session, incident)[2:] == [("resolved", 0, own.id), ("resolved", 0, phone.id)]


@pytest.mark.parametrize(
    ("columns", "fits"),
    [
        ({"tags": ["web", "db"]}, True),
        ({"tags": ["web"]}, False),
        ({"causes": ["missed"]}, True),
        ({"causes": ["failed"]}, False),
        ({"weekdays": [5]}, True),  # NOW is a Friday
        ({"weekdays": [6, 7]}, False),
        ({"weekdays": [5], "time_zone": "Pacific/Auckland"}, True),
        ({"weekdays": [4], "time_zone": "Pacific/Honolulu"}, True),
    ],
)
def test_the_first_policy_that_fits_decides(
    session: Session,
    workspace: Workspace,
    monitor: Monitor,
    own: Channel,
    phone: Channel,
    columns: dict[str, Any],
    fits: bool,
) -> None:
    make_policy(session, workspace, (0, [phone]), **columns)
    make_policy(session, workspace, (0, [own]), position=2)

    incident = open_incident(session, monitor)

    assert told(session, incident) == [("opened", 0, phone.id if fits else own.id)]


def test_a_policy_that_names_nobody_who_can_be_told_leaves_it_to_the_monitors_channels(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    make_policy(session, workspace, (0, [phone]))
    phone.broken_at = NOW

    assert told(session, open_incident(session, monitor)) == [("opened", 0, own.id)]


def test_a_group_stands_for_its_members_each_once(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    group = make_channel(session, workspace, "group")
    for member in (own, phone):
        values = {"group_id": group.id, "channel_id": member.id}
        session.execute(channel_member.insert().values(values))
    make_policy(session, workspace, (0, [group, phone]))

    assert sorted(told(session, open_incident(session, monitor))) == [
        ("opened", 0, own.id),
        ("opened", 0, phone.id),
    ]


def test_an_acknowledged_incident_goes_no_further(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    make_policy(session, workspace, (0, []), (10, [phone]), repeat_every=30 * MINUTE)
    incident = open_incident(session, monitor)

    acting.acknowledge(session, incident.id, "anna@example.org", NOW + MINUTE)
    telling.tell_due(session, NOW + 600 * MINUTE)

    assert told(session, incident) == [("opened", 0, own.id)]


def test_undone_an_acknowledgement_of_what_nobody_was_told_of_tells_at_once(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel
) -> None:
    incident = make_incident(session, monitor, held="failures", next_step_at=None)

    acting.acknowledge(session, incident.id, "anna@example.org", NOW)
    incident.next_step_at = NOW + 60 * MINUTE  # whatever held it holds it no more
    session.flush()
    telling.tell_due(session, NOW + 60 * MINUTE)
    acting.unacknowledge(session, incident.id, "anna@example.org", NOW + 180 * MINUTE)
    telling.tell_due(session, NOW + 180 * MINUTE)

    assert told(session, incident) == [("opened", 0, own.id)]


def test_a_snooze_ends_with_a_reminder(session: Session, monitor: Monitor, own: Channel) -> None:
    incident = open_incident(session, monitor)

    acting.snooze(session, incident.id, NOW + 60 * MINUTE, "anna@example.org", NOW)
    telling.tell_due(session, NOW + 59 * MINUTE)
    assert told(session, incident) == [("opened", 0, own.id)]
    telling.tell_due(session, NOW + 60 * MINUTE)

    assert told(session, incident)[1:] == [("reminder", 1, own.id)]
    session.refresh(incident)
    assert incident.snoozed_until is None


def test_planning_twice_tells_once(session: Session, monitor: Monitor) -> None:
    incident = open_incident(session, monitor)

    assert telling.tell(session, [incident.id], NOW) == 0
    assert len(told(session, incident)) == 1


def test_reminders_may_be_as_many_as_they_like(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel
) -> None:
    make_policy(session, workspace, (0, []), repeat_every=MINUTE)
    incident = open_incident(session, monitor)
    incident.reminders = 2**15 - 1

    telling.tell_due(session, NOW + MINUTE)

    assert told(session, incident)[1:] == [("reminder", 2**15, own.id)]


@pytest.mark.parametrize(("cause", "waits"), [(Cause.MISSED, True), (Cause.FAILED, False)])
def test_while_we_cannot_hear_only_first_alerts_tell_of_silence(
    session: Session,
    workspace: Workspace,
    monitor: Monitor,
    phone: Channel,
    cause: Cause,
    waits: bool,
) -> None:
    ears = Ears(session, NOW)
    make_policy(session, workspace, (0, []), (10, [phone]))
    incident = open_incident(session, monitor, cause)
    later = make_monitor(session, workspace, channels=[phone], status="late")
    ears.tick(NOW + MINUTE)

    telling.tell_due(session, NOW + 10 * MINUTE)
    while_deaf = len(told(session, incident)), len(told(session, open_incident(session, later)))
    ears.sing(NOW + 11 * MINUTE - SECOND)
    ears.tick(NOW + 11 * MINUTE)
    telling.tell_due(session, NOW + 11 * MINUTE)

    assert while_deaf == (1 if waits else 2, 1)
    assert told(session, incident)[1:] == [("escalated", 1, phone.id)]
