"""Call-backs: recorded once, handled until it succeeds, never lost with a worker."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.retry import MOST_ATTEMPTS
from earlywatch.errors import NotFound
from earlywatch.models import ReceivedEvent, RefusedEvent
from earlywatch.services import event_lists, events
from earlywatch.services.event_lists import PER_PAGE, Wanted
from earlywatch.services.events import LEASE, Claimed
from tests.events import make_event

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
LOOKS = {"invoice.paid", "invoice.finalized"}


def claimed(session: Session, now: datetime) -> Claimed:
    found = events.claim(session, now)
    assert found is not None
    return found


def fresh(session: Session, event: ReceivedEvent) -> ReceivedEvent:
    return session.get_one(ReceivedEvent, event.id, populate_existing=True)


def test_an_event_is_recorded_once_however_often_it_comes(session: Session, now: datetime) -> None:
    first = events.record(session, "stripe", "evt_1", "invoice.paid", "in_1", "cus_1", now)
    again = events.record(session, "stripe", "evt_1", "invoice.paid", "in_1", "cus_1", now + DAY)
    elsewhere = events.record(session, "twilio", "evt_1", "sms", "SM1", None, now)

    assert (first, again, elsewhere) == (True, False, True)
    assert session.scalar(select(func.count(ReceivedEvent.id))) == 2


def test_a_claimed_event_is_nobody_elses_until_its_lease_ends(
    session: Session, now: datetime
) -> None:
    make_event(session, now=now)

    first = claimed(session, now)

    assert events.claim(session, now + LEASE - SECOND) is None
    assert claimed(session, now + LEASE).attempt == first.attempt + 1


def test_what_has_been_due_longest_comes_first(session: Session, now: datetime) -> None:
    newer = make_event(session, now=now + SECOND)
    older = make_event(session, now=now)

    assert [claimed(session, now + SECOND).id for _ in range(2)] == [older.id, newer.id]


def test_a_settled_event_is_not_claimed_again(session: Session, now: datetime) -> None:
    event = make_event(session, now=now)

    settled = events.settle(session, claimed(session, now), "Set to active.", now)

    assert settled
    assert fresh(session, event).outcome == "Set to active."
    assert fresh(session, event).handled_at == now
    assert events.claim(session, now + DAY) is None


def test_what_could_not_be_handled_waits_longer_each_time_and_never_ends(
    session: Session, now: datetime
) -> None:
    event = make_event(session, now=now)
    waits = []

    for _ in range(MOST_ATTEMPTS + 5):
        events.retry(session, claimed(session, now), "Stripe is away.", now)
        waits.append(fresh(session, event).next_attempt_at - now)
        now = fresh(session, event).next_attempt_at

    assert timedelta(seconds=50) < waits[0] < timedelta(seconds=70)
    assert waits[0] < waits[1] < waits[2] < waits[3] < waits[4] < waits[-1]
    assert timedelta(minutes=50) < waits[-1] < timedelta(minutes=70)
    assert fresh(session, event).outcome == "Stripe is away."
    assert fresh(session, event).handled_at is None


def test_a_worker_that_comes_too_late_changes_nothing(session: Session, now: datetime) -> None:
    event = make_event(session, now=now)
    slow = claimed(session, now)
    quick = claimed(session, now + LEASE)

    assert not events.settle(session, slow, "Old news.", now + LEASE)
    assert not events.retry(session, slow, "Stripe is away.", now + LEASE)
    assert events.settle(session, quick, "Set to paused.", now + LEASE)
    assert fresh(session, event).outcome == "Set to paused."


def test_a_replayed_event_is_handled_once_more(session: Session, now: datetime) -> None:
    event = make_event(session, now=now)
    events.settle(session, claimed(session, now), "Set to active.", now)

    by_number = events.replay(session, event.id, now + DAY)

    assert by_number.id == event.id
    assert claimed(session, now + DAY).attempt == 1
    assert events.replay(session, event.event_id, now + DAY).id == event.id


def test_a_replay_is_not_undone_by_the_worker_that_is_at_it(
    session: Session, now: datetime
) -> None:
    event = make_event(session, now=now)
    under_way = claimed(session, now)

    events.replay(session, event.id, now + SECOND)

    assert not events.settle(session, under_way, "Set to active.", now + SECOND)
    assert claimed(session, now + SECOND).id == event.id


@pytest.mark.parametrize("unknown", [4711, "evt_nobody"])
def test_what_is_not_there_cannot_be_replayed(
    session: Session, now: datetime, unknown: int | str
) -> None:
    with pytest.raises(NotFound):
        events.replay(session, unknown, now)


def test_one_look_settles_all_that_waited_for_it(session: Session, now: datetime) -> None:
    first = make_event(session, now=now)
    second = make_event(session, "invoice.finalized", now=now)
    other_kind = make_event(session, "charge.dispute.created", now=now)
    other_customer = make_event(session, customer_id="cus_2", now=now)
    claim = claimed(session, now)
    also = events.alike(session, claim, LOOKS)
    later = make_event(session, now=now)

    events.settle(session, claim, "Set to active.", now, also)

    assert also == [second.id]
    assert fresh(session, second).outcome == f"Handled together with {first.event_id}."
    for untouched in (other_kind, other_customer, later):
        assert fresh(session, untouched).handled_at is None


def test_what_is_no_mere_look_is_handled_alone(session: Session, now: datetime) -> None:
    make_event(session, "charge.dispute.created", now=now)
    make_event(session, now=now)

    assert events.alike(session, claimed(session, now), LOOKS) == []


def test_refusals_are_counted_by_reason_and_day(session: Session, now: datetime) -> None:
    for _ in range(3):
        events.refuse(session, "stripe", "wrong signature", now)
    events.refuse(session, "stripe", "not an event", now)
    events.refuse(session, "stripe", "wrong signature", now + DAY)

    counted = event_lists.refusals(session, now + DAY)

    assert [(row.day, row.reason, row.count) for row in counted] == [
        ("2026-11-21", "wrong signature", 1),
        ("2026-11-20", "not an event", 1),
        ("2026-11-20", "wrong signature", 3),
    ]


def test_what_was_handled_long_ago_is_forgotten(session: Session, now: datetime) -> None:
    old, waiting = make_event(session, now=now), make_event(session, now=now + SECOND)
    events.settle(session, claimed(session, now), "Set to active.", now)
    events.refuse(session, "stripe", "wrong signature", now)

    events.forget_old(session, now + events.KEPT + DAY)

    assert session.scalars(select(ReceivedEvent.id)).all() == [waiting.id]
    assert old.id != waiting.id
    assert session.scalars(select(RefusedEvent)).all() == []


def test_the_list_is_narrowed_by_provider_state_and_words(session: Session, now: datetime) -> None:
    done = make_event(session, now=now)
    events.settle(session, claimed(session, now), "Set to active.", now)
    dispute = make_event(session, "charge.dispute.created", None, object_id="dp_1", now=now)
    text = make_event(session, "sms", None, provider="twilio", object_id="100%_sure", now=now)

    def found(**wanted: object) -> list[int]:
        return [event.id for event in event_lists.list_events(session, Wanted(**wanted)).events]  # type: ignore[arg-type]

    assert found() == [text.id, dispute.id, done.id]
    assert found(provider="stripe") == [dispute.id, done.id]
    assert found(unhandled=True) == [text.id, dispute.id]
    assert found(words="DISPUTE") == [dispute.id]
    assert found(words="cus_1") == [done.id]
    assert found(words="100%") == [text.id]
    assert found(words="e_s") == []
    assert event_lists.providers(session) == ["stripe", "twilio"]


def test_the_list_is_paged_both_ways(session: Session, now: datetime) -> None:
    ids = [make_event(session, now=now).id for _ in range(2 * PER_PAGE + 5)][::-1]

    newest = event_lists.list_events(session, Wanted())
    middle = event_lists.list_events(session, Wanted(), before=newest.older)
    oldest = event_lists.list_events(session, Wanted(), before=middle.older)
    back = event_lists.list_events(session, Wanted(), after=middle.newer)

    assert [event.id for event in newest.events] == ids[:PER_PAGE]
    assert [event.id for event in oldest.events] == ids[2 * PER_PAGE :]
    assert [event.id for event in back.events] == ids[:PER_PAGE]
    assert (newest.newer, oldest.older, back.newer) == (None, None, None)
