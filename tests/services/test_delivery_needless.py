"""Reminders and steps that add nothing by the time they could go out."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery, Fold, Incident, Workspace
from earlywatch.services import acting, fallbacks
from earlywatch.services.links import Links
from tests.builders import make_channel, make_delivery, make_incident, make_monitor, make_workspace
from tests.services.folds import deliveries
from tests.services.sending import attempt_all

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ANNA = "anna@example.org"
Act = Callable[[Session, Incident, datetime], Incident]


@pytest.fixture
def channel(session: Session) -> Channel:
    return make_channel(session, make_workspace(session))


@pytest.fixture
def incident(session: Session, now: datetime, channel: Channel) -> Incident:
    """One that lasts for an hour by now."""
    monitor = make_monitor(session, session.get_one(Workspace, channel.workspace_id), status="late")
    return make_incident(session, monitor, opened_at=now - HOUR)


def remind(session: Session, channel: Channel, incident: Incident, *at: datetime) -> list[Delivery]:
    """Reminders planned at these moments, which have waited for the channel since."""
    return [
        make_delivery(
            session,
            channel,
            incident,
            AlertKind.REMINDER,
            number=number,
            now=moment,
            workspace_id=channel.workspace_id,
            due_at=moment,
        )
        for number, moment in enumerate(at, 1)
    ]


def acknowledge(session: Session, incident: Incident, now: datetime) -> Incident:
    return acting.acknowledge(session, incident.id, ANNA, now)


def snooze(session: Session, incident: Incident, now: datetime) -> Incident:
    return acting.snooze(session, incident.id, now + HOUR, ANNA, now)


def states(session: Session) -> list[tuple[str, str]]:
    return [(each.alert, each.state) for each in deliveries(session)]


def test_of_reminders_that_waited_together_the_last_one_goes_out(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
) -> None:
    make_delivery(session, channel, incident, state="sent", sent_at=now - HOUR, now=now - HOUR)
    *first, last = remind(session, channel, incident, now - 20 * MINUTE, now - 10 * MINUTE, now)

    [outcome] = attempt_all(session, links, doors, now)

    session.expire_all()
    assert outcome.sent
    assert last.state == "sent"
    assert {(each.state, each.leader_id) for each in first} == {("merged", last.id)}


def test_nobody_is_reminded_of_what_is_first_told_at_that_moment(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
) -> None:
    first = make_delivery(session, channel, incident, now=now - HOUR)
    remind(session, channel, incident, now - 20 * MINUTE, now)

    attempt_all(session, links, doors, now)

    assert states(session) == [("opened", "sent"), ("reminder", "merged"), ("reminder", "merged")]
    assert deliveries(session)[-1].leader_id == first.id


def test_a_reminder_after_the_first_telling_goes_out(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
) -> None:
    make_delivery(session, channel, incident, state="sent", sent_at=now - MINUTE)
    remind(session, channel, incident, now)

    attempt_all(session, links, doors, now)

    assert states(session) == [("opened", "sent"), ("reminder", "sent")]


@pytest.mark.parametrize("act", [acknowledge, snooze])
@pytest.mark.parametrize("kind", [AlertKind.REMINDER, AlertKind.ESCALATED])
def test_nobody_hears_that_it_lasts_while_it_is_acknowledged_or_snoozed(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
    act: Act,
    kind: AlertKind,
) -> None:
    workspace = session.get_one(Workspace, channel.workspace_id)
    workspace.fallback_channel_id = make_channel(session, workspace).id
    columns: dict[str, Any] = {"workspace_id": channel.workspace_id, "due_at": now}
    spared = make_delivery(session, channel, incident, kind, number=1, **columns)
    act(session, incident, now)

    assert attempt_all(session, links, doors, now) == []

    session.refresh(spared)
    assert (spared.answer or "").startswith("Not sent: it was")
    assert fallbacks.fall_back(session, now + HOUR) == 0


def test_all_that_last_of_those_told_together_must_be_acknowledged(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
) -> None:
    incident.resolved_at = incident.acknowledged_at = now
    values: dict[str, Any] = {"key": "k", "shared": "s", "opened_at": now, "joined_at": now}
    fold = Fold(workspace_id=channel.workspace_id, first_id=incident.id, **values)
    session.add(fold)
    session.flush()
    incident.fold_id = fold.id
    other = make_incident(session, opened_at=now - HOUR, fold_id=fold.id)
    remind(session, channel, incident, now)

    [outcome] = attempt_all(session, links, doors, now)

    assert outcome.sent
    acknowledge(session, other, now)
    make_delivery(session, channel, incident, AlertKind.REMINDER, number=2, now=now + MINUTE)
    assert attempt_all(session, links, doors, now + MINUTE) == []


@pytest.mark.parametrize("act", [acknowledge, snooze])
def test_a_step_that_was_called_off_is_taken_once_that_is_undone(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
    act: Act,
) -> None:
    make_delivery(session, channel, incident, AlertKind.ESCALATED, number=1)
    act(session, incident, now)
    attempt_all(session, links, doors, now)

    acting.unacknowledge(session, incident.id, ANNA, now + MINUTE)

    assert [one.sent for one in attempt_all(session, links, doors, now + MINUTE)] == [True]
    assert states(session) == [("escalated", "sent")]


def test_who_was_spared_the_trouble_is_spared_its_end(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    channel: Channel,
    incident: Incident,
) -> None:
    make_delivery(session, channel, incident, AlertKind.ESCALATED, number=1)
    acknowledge(session, incident, now)
    attempt_all(session, links, doors, now)
    incident.resolved_at = now + MINUTE
    make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now + MINUTE)

    assert attempt_all(session, links, doors, now + MINUTE) == []
    assert states(session) == [("escalated", "failed"), ("resolved", "failed")]
