"""Who runs the installation is told of an outage: its begin, its end, each once."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import BillingMail
from earlywatch.services import canary, outage_news
from tests.services.listening import MINUTE, SECOND, Ears

OPERATORS = ("ops@example.org", "boss@example.org")


def told(session: Session) -> list[str]:
    query = select(BillingMail).order_by(BillingMail.id)
    return [mail.letter["subject"] for mail in session.scalars(query)]


def test_operators_are_told_of_the_begin_and_of_the_end(session: Session, now: datetime) -> None:
    ears = Ears(session, now)
    ears.tick(now + 20 * SECOND)
    outage_news.tell(session, OPERATORS, now + 59 * SECOND)
    assert told(session) == []

    outage_news.tell(session, OPERATORS, now + MINUTE)
    outage_news.tell(session, OPERATORS, now + 2 * MINUTE)
    ears.sing(now + 10 * MINUTE)
    ears.tick(now + 10 * MINUTE)
    outage_news.tell(session, OPERATORS, now + 11 * MINUTE)
    outage_news.tell(session, OPERATORS, now + 12 * MINUTE)

    began = "Earlywatch cannot hear pings since 05:17:03 UTC"
    assert told(session) == [began] * 2 + ["Earlywatch hears pings again, after 10 min"] * 2


def test_a_short_outage_is_told_to_nobody(session: Session, now: datetime) -> None:
    ears = Ears(session, now)
    ears.sing(now + 20 * SECOND)
    ears.tick(now + 20 * SECOND)

    outage_news.tell(session, OPERATORS, now + 10 * MINUTE)

    assert len(ears.outages) == 1
    assert told(session) == []


def test_a_canary_that_never_came_through_is_told_once(session: Session, now: datetime) -> None:
    about = OPERATORS[:1], "https://watch.test/ping"
    canary.take_turn(session, now)
    outage_news.tell_never_heard(session, *about, now + MINUTE)
    assert told(session) == []

    for minutes in (10, 20):
        outage_news.tell_never_heard(session, *about, now + timedelta(minutes=minutes))

    assert told(session) == [
        "Earlywatch cannot reach itself, so it would not notice its own outage"
    ]
