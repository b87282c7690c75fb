"""Pausing while Stripe is renewing, or does not answer."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import StripeAway
from earlywatch.domain.pausing import months_later
from earlywatch.errands import acts, offers
from earlywatch.errands.acting import UnderWay
from earlywatch.errands.offers import NotPossible
from tests.billing import SUPPORTER, Shop, team
from tests.errands.test_changing import change
from tests.errands.test_pausing import pause

DAY = timedelta(days=1)


def test_an_outage_of_stripe_at_the_end_of_a_pause_only_delays_it(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 1)
    until = shop.row.pause_until
    assert until is not None
    shop.wait(until - shop.now - timedelta(hours=1))

    with shop.stripe.down():
        shop.wait(timedelta(hours=2))
        shop.wait(timedelta(minutes=10))
    assert shop.row.status == "paused"
    shop.wait(timedelta(hours=1))

    assert shop.row.status == "active"


def test_a_pause_in_the_hour_of_a_renewal_charges_nothing_for_it(shop: Shop) -> None:
    row = shop.subscribe(team())
    assert row.period_end
    shop.wait(row.period_end - shop.now + timedelta(minutes=10))

    pause(shop, None)
    shop.wait(30 * DAY)

    assert shop.paid() == 2_000
    assert shop.row.pause_credit == 0


def test_a_renewal_that_a_credit_pays_is_credited_by_the_pause(shop: Shop) -> None:
    row = shop.subscribe(team())
    change(shop, SUPPORTER)  # $13.00 wait on the balance: more than a month of it
    assert row.period_end
    shop.wait(row.period_end - shop.now + timedelta(minutes=10))

    pause(shop, None)
    shop.wait(40 * DAY)

    assert (shop.row.status, shop.row.pause_credit) == ("paused", 700)
    assert (shop.row.balance, shop.paid()) == (-600, 2_000)


def test_while_stripe_is_away_nothing_changes_and_the_page_may_say_so(shop: Shop) -> None:
    shop.subscribe(team())
    credit, action = offers.pause(shop.workspace.id, shop.now).credit.cents, uuid4()

    with shop.stripe.down(), pytest.raises(StripeAway, match="could not be reached"):
        acts.pause(shop.workspace.id, "owner@example.org", action, None, (), credit, shop.now)
    with pytest.raises(UnderWay):
        acts.pause(shop.workspace.id, "owner@example.org", action, None, (), credit, shop.now)
    shop.wait(timedelta(minutes=10))

    assert shop.row.status == "active"
    with pytest.raises(NotPossible, match="nothing has changed"):
        acts.pause(shop.workspace.id, "owner@example.org", action, None, (), credit, shop.now)


def test_a_pause_whose_answer_was_lost_is_found_out(shop: Shop) -> None:
    shop.subscribe(team())
    until = months_later(shop.now, 3)
    credit, action = offers.pause(shop.workspace.id, shop.now).credit.cents, uuid4()
    shop.stripe.faults.lose = True

    with shop.stripe.fail_after_effect(9), pytest.raises(StripeAway):
        acts.pause(shop.workspace.id, "owner@example.org", action, until, (), credit, shop.now)
    shop.wait(timedelta(minutes=2))

    assert (shop.row.status, shop.row.pause_until) == ("paused", until)
    assert ("paused", "owner@example.org") in shop.history()
