"""Where nobody can be told who should be, somebody else is, or people are told later."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Incident, Monitor, Workspace
from earlywatch.services import acting, channel_proofs, telling
from earlywatch.services.links import Links
from tests.builders import NOW, make_channel, make_monitor, make_workspace
from tests.services.tellings import MINUTE, make_policy, open_incident, told

LINKS = Links("https://watch.test", "a secret that is long enough")


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
    return make_monitor(session, workspace, channels=[own], status="late")


def tell_for(session: Session, incident: Incident, minutes: int) -> list[tuple[str, int, int]]:
    """Look every minute for so long; return what was told in all."""
    for minute in range(1, minutes + 1):
        telling.tell_due(session, NOW + minute * MINUTE)
    session.refresh(incident)
    return told(session, incident)


def test_the_fallback_is_told_at_once(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    own.broken_at, workspace.fallback_channel_id = NOW, phone.id

    assert told(session, open_incident(session, monitor)) == [("opened", 0, phone.id)]


@pytest.mark.parametrize("how", ["confirmed", "repaired"])
def test_what_reaches_nobody_is_told_once_a_channel_works(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, how: str
) -> None:
    own.verified_at, own.broken_at = (None, None) if how == "confirmed" else (NOW, NOW)
    incident = open_incident(session, monitor)
    assert tell_for(session, incident, 30) == []
    assert incident.step == 0

    token = LINKS.confirm_channel(own, NOW).rpartition("/")[2]
    channel_proofs.confirm_by_link(session, LINKS, token, NOW + 30 * MINUTE)
    session.flush()

    assert tell_for(session, incident, 31) == [("opened", 0, own.id)]
    assert incident.next_step_at is None


def test_the_steps_count_from_when_somebody_was_told(
    session: Session, workspace: Workspace, monitor: Monitor, own: Channel, phone: Channel
) -> None:
    make_policy(session, workspace, (0, [own]), (10, [phone]))
    own.broken_at = phone.broken_at = NOW
    incident = open_incident(session, monitor)
    assert tell_for(session, incident, 29) == []

    own.broken_at = phone.broken_at = None
    session.flush()

    assert tell_for(session, incident, 39) == [("opened", 0, own.id)]
    assert tell_for(session, incident, 40)[1:] == [("escalated", 1, phone.id)]


def test_a_step_that_reaches_nobody_goes_to_those_who_were_told(
    session: Session, workspace: Workspace, own: Channel, phone: Channel
) -> None:
    monitor = make_monitor(session, workspace, status="late")
    make_policy(session, workspace, (0, [phone]), (10, [own]))
    own.broken_at = NOW

    incident = open_incident(session, monitor)

    assert tell_for(session, incident, 10) == [("opened", 0, phone.id), ("escalated", 1, phone.id)]


@pytest.mark.parametrize("fallback", [True, False])
def test_reminders_do_not_count_while_they_reach_nobody(
    session: Session,
    workspace: Workspace,
    monitor: Monitor,
    own: Channel,
    phone: Channel,
    fallback: bool,
) -> None:
    workspace.fallback_channel_id = phone.id if fallback else None
    make_policy(session, workspace, (0, []), repeat_every=10 * MINUTE, repeat_most=2)
    incident = open_incident(session, monitor)
    own.broken_at = NOW + MINUTE
    session.flush()

    while_broken = tell_for(session, incident, 19)[1:]
    own.broken_at = None
    session.flush()

    assert while_broken == ([("reminder", 1, phone.id)] if fallback else [])
    assert len(tell_for(session, incident, 60)[1:]) == (3 if fallback else 2)


def test_the_reminder_after_a_snooze_waits_for_somebody_to_tell(
    session: Session, monitor: Monitor, own: Channel
) -> None:
    incident = open_incident(session, monitor)
    acting.snooze(session, incident.id, NOW + 10 * MINUTE, "anna@example.org", NOW)
    own.broken_at = NOW + MINUTE
    session.flush()
    assert len(tell_for(session, incident, 20)) == 1

    own.broken_at = None
    session.flush()

    assert tell_for(session, incident, 30)[1:] == [("reminder", 1, own.id)]
    assert incident.snoozed_until is None
