"""Trouble that ended before anybody could be told of it: one message says both."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Incident
from earlywatch.services import deliveries, turns
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import make_channel, make_delivery, make_incident
from tests.services.sending import attempt_all, claimed, take

SECOND = timedelta(seconds=1)


@pytest.fixture
def over(session: Session, now: datetime) -> Incident:
    """Trouble that has ended."""
    return make_incident(session, opened_at=now - 9 * SECOND, resolved_at=now - SECOND)


@pytest.mark.parametrize("kind", [AlertKind.OPENED, AlertKind.ESCALATED])
@pytest.mark.parametrize("state", ["pending", "gathered"])
def test_a_first_telling_of_what_is_over_says_both(
    session: Session,
    links: Links,
    doors: Doors,
    now: datetime,
    over: Incident,
    kind: AlertKind,
    state: str,
) -> None:
    channel = make_channel(session)
    first = make_delivery(session, channel, over, kind)
    end = make_delivery(session, channel, over, AlertKind.RESOLVED, state=state)

    outgoing = claimed(session, links, now)
    assert outgoing.alert.is_over
    deliveries.record(session, outgoing, deliveries.attempt(outgoing, doors), now)

    session.expire_all()
    assert (first.state, end.state, end.leader_id) == ("sent", "merged", first.id)
    assert attempt_all(session, links, doors, now) == []


def test_who_was_told_already_is_told_of_the_end_alone(
    session: Session, links: Links, doors: Doors, now: datetime, over: Incident
) -> None:
    channel = make_channel(session)
    make_delivery(session, channel, over, AlertKind.OPENED, state="sent")
    later = make_delivery(session, channel, over, AlertKind.ESCALATED, number=1)
    reminder = make_delivery(session, channel, over, AlertKind.REMINDER, number=1)
    end = make_delivery(session, channel, over, AlertKind.RESOLVED)

    [outcome] = attempt_all(session, links, doors, now)

    session.expire_all()
    assert outcome.sent
    assert (end.state, later.state, reminder.state) == ("sent", "merged", "merged")
    assert {later.leader_id, reminder.leader_id} == {end.id}


def test_another_channel_is_told_of_the_end_on_its_own(
    session: Session, links: Links, doors: Doors, now: datetime, over: Incident
) -> None:
    told, other = make_channel(session), make_channel(session)
    make_delivery(session, other, over, AlertKind.OPENED, state="sent")
    make_delivery(session, told, over, AlertKind.OPENED)
    end = make_delivery(session, other, over, AlertKind.RESOLVED)

    assert [one.sent for one in attempt_all(session, links, doors, now)] == [True, True]
    session.refresh(end)
    assert end.state == "sent"


def test_an_end_waits_a_moment_for_the_beginning_that_is_on_its_way(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    channel, incident = make_channel(session), make_incident(session, opened_at=now)
    make_delivery(session, channel, incident, AlertKind.OPENED)
    outgoing = claimed(session, links, now)
    end = make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now)

    assert take(session, links, now) is None
    deliveries.record(session, outgoing, Outcome(sent=True, answer="250"), now)

    assert [one.sent for one in attempt_all(session, links, doors, now + SECOND)] == [True]
    session.refresh(end)
    assert end.state == "sent"


def test_what_was_sent_meanwhile_stays_sent(
    session: Session, links: Links, now: datetime, over: Incident
) -> None:
    channel = make_channel(session)
    make_delivery(session, channel, over, AlertKind.OPENED, state="sent")
    later = make_delivery(session, channel, over, AlertKind.ESCALATED, number=1, now=now)
    claim = turns.claim(session, now)
    assert claim is not None
    # Whoever had it before, and took longer than its lease.
    turns.record(session, claim, Outcome(sent=True, answer="250"), now, jitter=0.0)

    assert deliveries.prepare(session, claim, links, now) is None

    session.refresh(later)
    assert (later.state, later.answer) == ("sent", "250")
