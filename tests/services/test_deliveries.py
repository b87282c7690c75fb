"""Deliveries: what is claimed, what goes out, and what a failure does to its channel."""

from datetime import datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery
from earlywatch.services import deliveries
from earlywatch.services.links import Links
from earlywatch.services.outbox import LEASE, Outcome
from tests.builders import make_channel, make_delivery, make_incident
from tests.services.sending import attempt_all, claimed, take

SECOND = timedelta(seconds=1)


def slack(session: Session, server: HTTPServer) -> Channel:
    """A Slack channel that leads to a server of the test."""
    return make_channel(session, kind="slack", config={"webhook_url": server.url_for("/hook")})


def test_a_claimed_delivery_carries_all_that_sending_needs(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    incident = make_incident(
        session, expected_at=now - 2 * SECOND, last_ping_at=now - 12 * SECOND, opened_at=now
    )
    delivery = make_delivery(session, channel, incident)

    alert = claimed(session, links, now + SECOND).alert

    assert alert.id == str(delivery.public_id)
    assert alert.kind is AlertKind.OPENED
    assert alert.trouble is not None
    assert alert.trouble.monitor_name == "nightly backup"
    assert alert.trouble.expected_at == now - 2 * SECOND
    assert alert.trouble.url == f"https://watch.test/incidents/{incident.id}"


def test_a_delivery_has_the_same_id_at_every_attempt(
    session: Session, links: Links, now: datetime
) -> None:
    make_delivery(session, now=now)

    first = claimed(session, links, now)
    second = claimed(session, links, now + LEASE)

    assert first.alert.id == second.alert.id
    assert (first.claim.attempt, second.claim.attempt) == (1, 2)


def test_nobody_reads_that_it_is_back_before_reading_that_it_was_late(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    incident = make_incident(session)
    opened = make_delivery(
        session, channel, incident, AlertKind.OPENED, next_attempt_at=now + SECOND
    )
    make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now)

    assert take(session, links, now) is None
    outgoing = claimed(session, links, now + SECOND)
    assert outgoing.claim.id == opened.id
    deliveries.record(session, outgoing, Outcome(sent=True, answer="250"), now + SECOND)
    assert claimed(session, links, now + SECOND).alert.kind is AlertKind.RESOLVED


def test_an_accepted_delivery_is_sent_and_keeps_the_answer(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data("ok")
    delivery = make_delivery(session, slack(session, httpserver))

    attempt_all(session, links, doors, now)

    session.refresh(delivery)
    assert delivery.state == "sent"
    assert "ok" in (delivery.answer or "")
    httpserver.check_assertions()


@pytest.mark.parametrize("status", [404, 410])
def test_a_place_that_is_gone_marks_its_channel_broken(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer, status: int
) -> None:
    httpserver.expect_request("/hook").respond_with_data("gone", status=status)
    channel = slack(session, httpserver)
    delivery = make_delivery(session, channel)

    attempt_all(session, links, doors, now)

    session.refresh(delivery)
    session.refresh(channel)
    assert delivery.state == "failed"
    assert channel.broken_at == now
    assert str(status) in (channel.broken_reason or "")


def test_a_place_that_is_ill_is_tried_again_and_stays_a_channel(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("oh", status=500)
    channel = slack(session, httpserver)
    delivery = make_delivery(session, channel)

    attempt_all(session, links, doors, now)

    session.refresh(delivery)
    session.refresh(channel)
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert delivery.next_attempt_at > now + 30 * SECOND
    assert channel.broken_at is None


def test_an_unsubscribed_channel_gets_nothing_more(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    make_delivery(session, make_channel(session, unsubscribed_at=now))

    [outcome] = attempt_all(session, links, doors, now)

    assert outcome.permanent


def test_a_confirmation_goes_to_a_channel_that_is_not_confirmed_yet(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    channel = make_channel(session, verified=False)
    deliveries.queue(session, channel, AlertKind.CONFIRM, now)

    outgoing = claimed(session, links, now)

    assert outgoing.refusal is None
    assert outgoing.alert.confirm_url
    assert deliveries.attempt(outgoing, doors).sent


def test_an_alert_goes_out_although_its_schedule_cannot_be_read_any_more(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    incident = make_incident(session)
    session.execute(
        text("UPDATE monitor SET schedule_kind = 'cron', period = NULL, expression = 'nonsense'")
    )
    session.expire_all()
    make_delivery(session, None, incident)

    [outcome] = attempt_all(session, links, doors, now)

    assert outcome.sent


def test_a_sender_that_raises_is_retried_and_does_not_stop_the_others(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    make_delivery(session, make_channel(session, kind="slack", config={}), now=now - SECOND)
    make_delivery(session)

    broken, fine = attempt_all(session, links, doors, now)

    assert (broken.sent, broken.permanent) == (False, False)
    assert fine.sent
    states = [delivery.state for delivery in session.query(Delivery).order_by(Delivery.id)]
    assert states == ["pending", "sent"]
