"""The outbox: claiming postpones, recording ends or retries."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.retry import MOST_ATTEMPTS
from earlywatch.models import Delivery
from earlywatch.services.outbox import LEASE, Claim, Outbox, Outcome
from tests.builders import make_delivery

OUTBOX = Outbox("delivery")
SENT = Outcome(sent=True, answer="250 accepted")
BUSY = Outcome(sent=False, answer="451 later, please")
GONE = Outcome(sent=False, answer="410 gone", permanent=True)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def claim(session: Session, now: datetime) -> Claim | None:
    return OUTBOX.claim(session, now)


def record(
    session: Session, delivery: Delivery, outcome: Outcome, now: datetime, attempt: int = 1
) -> bool:
    return OUTBOX.record(session, Claim(delivery.id, attempt), outcome, now, jitter=0.0)


def fresh(session: Session) -> Delivery:
    """The one delivery, as the database has it."""
    return session.scalars(select(Delivery).execution_options(populate_existing=True)).one()


def test_a_claimed_row_is_nobody_elses_until_its_lease_ends(
    session: Session, now: datetime
) -> None:
    make_delivery(session, now=now)

    claimed = claim(session, now)

    assert claimed is not None
    assert claimed.attempt == 1
    assert claim(session, now + LEASE - SECOND) is None
    again = claim(session, now + LEASE)
    assert again is not None
    assert again.attempt == 2


def test_what_is_due_longest_goes_first(session: Session, now: datetime) -> None:
    make_delivery(session, now=now)
    oldest = make_delivery(session, now=now - SECOND)

    claimed = claim(session, now)

    assert claimed is not None
    assert claimed.id == oldest.id


def test_what_is_not_due_is_not_taken(session: Session, now: datetime) -> None:
    make_delivery(session, now=now + SECOND)

    assert claim(session, now) is None


def test_what_was_accepted_is_done(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)

    record(session, delivery, SENT, now + SECOND)

    row = fresh(session)
    assert (row.state, row.sent_at, row.answer) == ("sent", now + SECOND, "250 accepted")
    assert claim(session, now + DAY) is None


def test_a_passing_failure_is_tried_again_later(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)

    record(session, delivery, BUSY, now)

    row = fresh(session)
    assert (row.state, row.answer) == ("pending", "451 later, please")
    assert now + 30 * SECOND <= row.next_attempt_at <= now + 120 * SECOND


def test_the_other_sides_wish_for_a_longer_wait_is_obeyed(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)

    busy = Outcome(sent=False, answer="429", retry_after=timedelta(hours=3))
    record(session, delivery, busy, now)

    assert fresh(session).next_attempt_at == now + timedelta(hours=3)


def test_a_permanent_failure_is_final(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)

    record(session, delivery, GONE, now)

    row = fresh(session)
    assert (row.state, row.answer) == ("failed", "410 gone")


def test_after_a_day_of_failures_a_row_is_given_up(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    moment, attempts = now, 0

    while fresh(session).state == "pending":
        moment = fresh(session).next_attempt_at
        assert claim(session, moment)
        attempts += 1
        record(session, delivery, BUSY, moment, attempt=attempts)

    assert timedelta(hours=20) < moment - now <= timedelta(hours=28)
    assert attempts > 20


def test_a_failure_reported_after_the_lease_does_not_disturb_the_next_attempt(
    session: Session, now: datetime
) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)
    claim(session, now + LEASE)

    assert not record(session, delivery, GONE, now + LEASE + SECOND, attempt=1)

    assert fresh(session).state == "pending"


def test_a_success_reported_after_the_lease_counts(session: Session, now: datetime) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)
    claim(session, now + LEASE)

    assert record(session, delivery, SENT, now + LEASE + SECOND, attempt=1)

    assert fresh(session).state == "sent"


def test_a_row_whose_attempts_never_end_is_given_up(session: Session, now: datetime) -> None:
    make_delivery(session, now=now, attempts=MOST_ATTEMPTS)

    assert claim(session, now) is None

    row = fresh(session)
    assert row.state == "failed"
    assert row.answer is not None
    assert row.answer.startswith("Given up")


def test_an_answer_that_the_database_cannot_store_is_stored_without_its_nul(
    session: Session, now: datetime
) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)

    record(session, delivery, Outcome(sent=True, answer="250 o\0k"), now)

    assert fresh(session).answer == "250 ok"


def test_a_message_that_left_before_it_was_called_off_counts_as_sent(
    session: Session, now: datetime
) -> None:
    delivery = make_delivery(session, now=now)
    claim(session, now)
    delivery.state = "failed"
    session.flush()

    assert record(session, delivery, SENT, now)

    assert fresh(session).state == "sent"
