"""The nightly comparison: what lost events left wrong is repaired."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import BillingAction, ReceivedEvent, Tick
from earlywatch.models.billing import ActionKind
from earlywatch.services import billing_actions, events
from earlywatch.services.billing_actions import Pressed
from earlywatch.tasks.reconcile import EVERY, LEASE, ROUND, finish, reconcile_if_due
from tests.events import make_event
from tests.fakes.stripe import FakeStripe
from tests.selling import buy, client_of, copy_of, fill, fresh, make_customer, sell

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stripe(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """A Stripe whose webhooks never arrive."""
    with FakeStripe() as fake:
        sell(app, fake.url, monkeypatch)
        fill(app)
        yield fake


def ended_at(session: Session) -> datetime | None:
    tick = session.get(Tick, ROUND, populate_existing=True)
    return tick.ticked_at if tick else None


def test_what_lost_events_left_wrong_is_repaired_within_a_day(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    bought = buy(stripe, row.customer_id)
    reconcile_if_due()
    before = copy_of(session, row.workspace_id).status
    client_of(stripe).v1.subscriptions.cancel(bought)

    reconcile_if_due()
    too_soon = copy_of(session, row.workspace_id).status
    with time_machine.travel(utcnow() + EVERY + MINUTE):
        reconcile_if_due()

    assert (before, too_soon) == ("active", "active")
    assert copy_of(session, row.workspace_id).status == "canceled"
    assert fresh(session, row.workspace_id).plan == "free"


def test_a_round_that_stripe_did_not_answer_is_repeated_in_an_hour(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)

    with stripe.down():
        reconcile_if_due()

    assert ended_at(session) is None
    reconcile_if_due()
    assert copy_of(session, row.workspace_id).status == "none"
    with time_machine.travel(utcnow() + LEASE + MINUTE):
        reconcile_if_due()
    assert copy_of(session, row.workspace_id).status == "active"
    assert ended_at(session) is not None


def test_comparing_without_customers_counts_as_done(stripe: FakeStripe, session: Session) -> None:
    reconcile_if_due()

    assert ended_at(session) is not None


def test_the_round_forgets_events_of_long_ago(stripe: FakeStripe, session: Session) -> None:
    long_ago = utcnow() - events.KEPT - timedelta(days=1)
    make_event(session, now=long_ago)
    claimed = events.claim(session, long_ago)
    assert claimed is not None
    events.settle(session, claimed, "Set to active.", long_ago)

    reconcile_if_due()

    assert session.query(ReceivedEvent).all() == []


def test_an_act_without_effect_fails_after_a_while(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    pressed = Pressed(uuid4(), row.workspace_id, "owner@example.org", ActionKind.CANCEL_AT_END, {})
    billing_actions.press(session, pressed, utcnow())
    session.commit()

    with time_machine.travel(utcnow() + billing_actions.LEASE + MINUTE):
        finish()

    act = session.get_one(BillingAction, pressed.id, populate_existing=True)
    assert act.state == "failed"
    assert copy_of(session, row.workspace_id).status == "active"
