"""Handling events: look at Stripe and set our copy, whatever comes, dies or is away."""

from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.retry import GROWING
from earlywatch.models import ReceivedEvent
from earlywatch.services.events import LEASE, Claimed
from earlywatch.tasks.events import HANDLERS, OUR_FAULT, handle_due, handle_events, handle_one
from tests.billing_builders import mails
from tests.events import make_event, outcomes, receive, stored
from tests.fakes.stripe import FakeStripe
from tests.selling import (
    buy,
    client_of,
    copy_of,
    fresh,
    make_customer,
)
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


def test_what_stripe_tells_ends_in_our_copy(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    bought = buy(stripe, row.customer_id)

    statuses = stripe.deliver()
    handle_due()

    assert set(statuses) == {200}
    copy = copy_of(session, row.workspace_id)
    assert (copy.stripe_id, copy.status, copy.plan, copy.amount) == (bought, "active", "team", 2000)
    assert fresh(session, row.workspace_id).plan == "team"
    assert None not in outcomes(session)


def test_duplicates_reordering_and_delay_end_in_the_same_state(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    stripe.faults.duplicate = stripe.faults.reorder = stripe.faults.delay = True
    bought = buy(stripe, row.customer_id)
    client_of(stripe).v1.subscriptions.cancel(bought)

    while stripe.undelivered:
        stripe.deliver()
        handle_due()

    assert copy_of(session, row.workspace_id).status == "canceled"
    assert fresh(session, row.workspace_id).plan == "free"
    assert len(mails(session, "receipt")) == 1


def test_a_customer_deleted_at_stripe_falls_to_free(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    stripe.deliver()
    handle_due()
    client_of(stripe).v1.customers.delete(row.customer_id)

    stripe.deliver()
    handle_due()

    assert copy_of(session, row.workspace_id).status == "canceled"
    assert fresh(session, row.workspace_id).plan == "free"
    assert None not in outcomes(session)


def test_a_storm_of_events_costs_one_look(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    first, *others = [receive(session, "invoice.paid", row.customer_id) for _ in range(10)]

    assert handle_one()

    assert stored(session, first).outcome == "Set to active."
    for other in others:
        assert stored(session, other).outcome == f"Handled together with {first.event_id}."
    assert not handle_one()


@pytest.mark.parametrize(
    ("kind", "customer_id", "outcome"),
    [
        ("invoice.paid", "cus_of_somebody_else", "Not a customer of ours."),
        ("climate.order.delivered", "cus_1", "Nothing to do."),
        ("invoice.paid", None, "Nothing to do."),
    ],
)
def test_what_is_none_of_our_business_is_said_to_be(
    stripe: FakeStripe, session: Session, kind: str, customer_id: str | None, outcome: str
) -> None:
    made = receive(session, kind, customer_id)

    handle_due()

    assert stored(session, made).outcome == outcome
    assert stored(session, made).handled_at is not None


def test_while_stripe_is_away_events_wait(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    made = receive(session, "invoice.paid", row.customer_id)

    with stripe.down():
        handle_due()

    waiting = stored(session, made)
    assert waiting.handled_at is None
    assert "could not be reached" in (waiting.outcome or "")
    with time_machine.travel(utcnow() + 2 * GROWING[0]):
        handle_due()
    assert copy_of(session, row.workspace_id).status == "active"
    assert stored(session, made).handled_at is not None


def test_nothing_is_lost_when_the_worker_dies_in_the_middle(
    stripe: FakeStripe, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    made = receive(session, "invoice.paid", row.customer_id)

    def die(_event: Claimed, _now: datetime) -> str:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setitem(HANDLERS, "stripe", die)
        with pytest.raises(SystemExit):
            handle_due()

    assert stored(session, made).handled_at is None
    assert not handle_one()
    with time_machine.travel(utcnow() + LEASE + SECOND):
        handle_due()
    assert copy_of(session, row.workspace_id).status == "active"
    assert stored(session, made).attempts == 2


def test_an_event_that_breaks_its_handler_stops_no_other(
    stripe: FakeStripe, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_event: Claimed, _now: datetime) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(HANDLERS, "broken", stumble)
    broken = make_event(session, provider="broken", now=utcnow() - SECOND)
    behind = receive(session, "invoice.paid", "cus_of_somebody_else")

    handle_due()

    assert stored(session, broken).outcome == OUR_FAULT
    assert stored(session, broken).handled_at is None
    assert stored(session, behind).handled_at is not None


def test_events_of_a_provider_that_nobody_handles_are_done(
    stripe: FakeStripe, session: Session
) -> None:
    made = make_event(session, provider="pigeon", now=utcnow())

    handle_due()

    assert stored(session, made).outcome == "Nobody handles events of this provider."


def test_the_task_handles_in_a_thread_of_its_own(task_app: Flask, rows: Session) -> None:
    made = make_event(rows, provider="pigeon", now=utcnow())
    rows.commit()

    handle_events.run()  # calling it would run it in the site of the newest Celery app

    def handled() -> bool:
        rows.rollback()
        return stored(rows, made).handled_at is not None

    wait_until(handled, 10, "the event to be handled")
    rows.execute(delete(ReceivedEvent))
    rows.commit()
