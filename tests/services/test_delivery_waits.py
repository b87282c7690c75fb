"""Deliveries that cannot go out now: what they wait for, and what waits with them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.services import deliveries
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import make_channel, make_delivery, make_incident
from tests.services.sending import attempt_all, claimed, take

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "columns",
    [{"verified": False}, {"broken_at": datetime(2026, 1, 1, tzinfo=UTC)}],
)
def test_an_alert_waits_for_its_channel_to_be_confirmed_again(
    session: Session, links: Links, doors: Doors, now: datetime, columns: dict[str, object]
) -> None:
    channel = make_channel(session, **columns)  # type: ignore[arg-type]
    delivery = make_delivery(session, channel)

    [outcome] = attempt_all(session, links, doors, now)

    session.refresh(delivery)
    assert outcome.answer.startswith("Waiting")
    assert delivery.state == "pending"

    channel.verified_at, channel.broken_at = now, None
    deliveries.hasten(session, channel.id, now + SECOND)
    [outcome] = attempt_all(session, links, doors, now + SECOND)

    assert outcome.sent


def test_a_channel_that_works_again_is_not_disturbed_in_its_quiet_hours(
    session: Session, now: datetime
) -> None:
    channel = make_channel(session)
    quiet = make_delivery(session, channel, due_at=now + HOUR, next_attempt_at=now + HOUR)
    tried = make_delivery(session, channel, due_at=now + HOUR, next_attempt_at=now + 2 * HOUR)
    late = make_delivery(session, channel, due_at=now, next_attempt_at=now + HOUR)

    deliveries.hasten(session, channel.id, now + SECOND)

    session.expire_all()
    assert {quiet.next_attempt_at, tried.next_attempt_at} == {now + HOUR}
    assert late.next_attempt_at == now + SECOND


def test_the_refusal_of_an_old_address_does_not_break_the_new_one(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    make_delivery(session, channel)
    outgoing = claimed(session, links, now)
    channel.config = {"address": "successor@example.org"}
    session.flush()

    gone = Outcome(sent=False, answer="550 5.1.1 no such user", permanent=True)
    deliveries.record(session, outgoing, gone, now)

    session.refresh(channel)
    assert channel.broken_at is None


def test_the_end_of_a_trouble_waits_with_its_beginning(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    incident = make_incident(session)
    make_delivery(session, channel, incident, AlertKind.OPENED, now=now)
    resolved = make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now)
    other = make_delivery(session, channel, now=now)
    outgoing = claimed(session, links, now)

    deliveries.record(session, outgoing, Outcome(sent=False, answer="451 later"), now)

    session.refresh(resolved)
    session.refresh(other)
    assert resolved.next_attempt_at > now
    assert other.next_attempt_at == now


def test_a_place_that_hangs_holds_back_all_that_goes_there_and_nothing_else(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    make_delivery(session, channel, now=now - SECOND)
    same, other = make_delivery(session, channel), make_delivery(session)
    outgoing = claimed(session, links, now)

    hung = Outcome(sent=False, answer="It did not answer in time.", timed_out=True)
    deliveries.record(session, outgoing, hung, now)

    session.refresh(same)
    session.refresh(other)
    assert same.next_attempt_at > now
    assert other.next_attempt_at == now


def test_a_channel_that_is_busy_is_passed_over(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    make_delivery(session, channel, now=now - SECOND)
    other = make_delivery(session, now=now)

    outgoing = take(session, links, now, busy=[channel.id])

    assert outgoing is not None
    assert outgoing.claim.id == other.id
