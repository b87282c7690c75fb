"""The log of a delivery: each attempt, its answer, and what was never recorded."""

from datetime import datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors, Said
from earlywatch.models import Attempt, Delivery
from earlywatch.services import deliveries
from earlywatch.services.delivery_log import UNENDED, lines
from earlywatch.services.links import Links
from earlywatch.services.outbox import LEASE, Outcome
from tests.builders import make_channel, make_delivery
from tests.services.sending import attempt_all, claimed

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def shown(session: Session, delivery: Delivery, now: datetime) -> list[tuple[int, str, str]]:
    """The log as a page shows it."""
    session.expire_all()
    return [(line.number, line.words, line.answer) for line in lines(delivery, now)]


def test_each_attempt_is_logged_with_its_answer_and_how_long_it_took(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, due_at=now)
    first = claimed(session, links, now)
    deliveries.record(session, first, Outcome(False, "451 later", took=0.25 * SECOND), now)
    second = claimed(session, links, now + HOUR)
    done = Outcome(True, "250 ok", took=0.3 * SECOND)
    deliveries.record(session, second, done, now + HOUR)

    assert shown(session, delivery, now + HOUR) == [
        (1, "failed after 0.2 s", "451 later"),
        (2, "accepted after 0.3 s", "250 ok"),
    ]
    assert [attempt.at for attempt in delivery.log] == [now, now + HOUR]


def test_how_long_an_attempt_took_is_measured(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    config = {"webhook_url": httpserver.url_for("/hook")}
    make_delivery(session, make_channel(session, kind="slack", config=config))

    attempt_all(session, links, doors, now)

    [attempt] = session.query(Attempt)
    assert timedelta(0) < attempt.took < 10 * SECOND
    assert attempt.sent


def test_an_attempt_whose_process_was_killed_is_said_as_such(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, due_at=now)
    claimed(session, links, now)
    assert shown(session, delivery, now + SECOND) == [], "it may still come to its end"

    again = claimed(session, links, now + LEASE)
    deliveries.record(session, again, Outcome(True, "250 ok", took=SECOND), now + LEASE)

    assert shown(session, delivery, now + LEASE) == [
        (1, "stopped", UNENDED),
        (2, "accepted after 1.0 s", "250 ok"),
    ]


def test_a_failure_that_comes_after_its_lease_is_logged_and_changes_nothing(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, due_at=now)
    slow = claimed(session, links, now)
    claimed(session, links, now + LEASE)

    deliveries.record(session, slow, Outcome(False, "too late", took=50 * SECOND), now + LEASE)

    assert shown(session, delivery, now + LEASE) == [(1, "failed after 50 s", "too late")]
    assert (delivery.state, delivery.answer) == ("pending", None)


def test_what_the_former_version_tried_is_not_missed(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, attempts=2, state="sent", sent_at=now, last_attempt_at=now)

    assert shown(session, delivery, now + HOUR) == []


def test_what_is_reported_later_comes_last(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, attempts=1, state="sent", due_at=now, last_attempt_at=now)
    for number, answer in ((0, "delivered"), (1, "queued")):
        row = Attempt(delivery_id=delivery.id, number=number, at=now, sent=True, answer=answer)
        session.add(row)
    session.flush()

    assert [line.answer for line in lines(delivery, now + HOUR)] == ["queued", "delivered"]


@pytest.mark.parametrize("answer", [Said("201 queued", "SM123"), "201 queued"])
def test_the_other_sides_name_for_a_message_is_kept(
    session: Session, links: Links, now: datetime, answer: str
) -> None:
    delivery = make_delivery(session)
    outgoing = claimed(session, links, now)
    name = getattr(answer, "provider_id", None)

    deliveries.record(session, outgoing, Outcome(True, answer, provider_id=name), now)

    session.refresh(delivery)
    assert delivery.provider_id == name
