"""Rounds over many customers: one process takes them, and what was done is not done again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.errands import sync
from earlywatch.models import Subscription, Tick
from earlywatch.tasks import fair_use
from earlywatch.tasks.reconcile import EVERY, LEASE, ROUND, reconcile_if_due
from tests.billing_builders import make_invoice, make_subscription
from tests.builders import make_workspace
from tests.fakes.stripe import FakeStripe
from tests.selling import buy, copy_of, fill, make_customer, sell

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(task_app: Flask, rows: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """A Stripe whose webhooks never arrive, and a database in which threads find what is there."""
    with FakeStripe() as fake:
        sell(task_app, fake.url, monkeypatch)
        fill(task_app)
        yield fake
    rows.execute(delete(Tick))
    rows.commit()


def customers(rows: Session, fake: FakeStripe, count: int) -> list[Subscription]:
    """Make customers whose first payment nobody told us of."""
    made = [make_customer(rows, fake) for _ in range(count)]
    for row in made:
        buy(fake, row.customer_id)
    return made


def test_many_are_compared_in_one_round(shop: FakeStripe, rows: Session) -> None:
    made = customers(rows, shop, 6)

    reconcile_if_due()

    found = [copy_of(rows, row.workspace_id).status for row in made]
    assert found == ["active"] * 6
    assert rows.get(Tick, ROUND) is not None


def test_a_round_that_died_goes_on_where_it_was(
    shop: FakeStripe, rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = customers(rows, shop, 4)
    monkeypatch.setattr(sync, "BATCH", 2)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("earlywatch.services.rounds.renew", die)
        with pytest.raises(KeyboardInterrupt):
            reconcile_if_due()
    looked = [copy_of(rows, row.workspace_id).synced_at for row in made]
    assert [at is None for at in looked] == [False, False, True, True]
    reconcile_if_due()
    assert rows.get(Tick, ROUND) is None

    with time_machine.travel(utcnow() + LEASE + MINUTE):
        reconcile_if_due()

    assert [copy_of(rows, row.workspace_id).status for row in made] == ["active"] * 4
    again = [copy_of(rows, row.workspace_id).synced_at for row in made]
    assert again[:2] == looked[:2]
    with time_machine.travel(utcnow() + EVERY + 2 * LEASE):
        reconcile_if_due()
    assert copy_of(rows, made[0].workspace_id).synced_at != looked[0]


def test_fair_use_is_looked_at_by_one_process_every_quarter_of_an_hour(
    shop: FakeStripe, rows: Session
) -> None:
    begun = utcnow() - timedelta(days=32)
    workspace = make_workspace(rows)
    make_subscription(rows, workspace, now=begun, months_due_at=begun)
    make_invoice(rows, workspace, now=begun, refunded=2_000)
    rows.commit()

    fair_use.give_back_if_due()
    looked = copy_of(rows, workspace.id).months_due_at
    copy_of(rows, workspace.id).months_due_at = begun
    rows.commit()
    fair_use.give_back_if_due()
    too_soon = copy_of(rows, workspace.id).months_due_at
    with time_machine.travel(utcnow() + fair_use.EVERY + MINUTE):
        fair_use.give_back_if_due()

    assert (looked, too_soon) == (None, begun)
    assert copy_of(rows, workspace.id).months_due_at is None
