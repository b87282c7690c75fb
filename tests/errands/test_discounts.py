"""With a coupon, every figure that is shown is the one that is charged."""

from datetime import timedelta

import pytest

from earlywatch.errands import offers
from earlywatch.services import reminders
from earlywatch.services.wiring import wiring
from earlywatch.web.billing_words import Bill
from tests.billing import Shop, team
from tests.errands.test_old_billing import subscribe_as_before
from tests.errands.test_pausing import pause, resume

DAY = timedelta(days=1)


def halve(shop: Shop) -> None:
    """Give the subscription half of its price for ever."""
    door = wiring().stripe
    assert door
    assert shop.row.stripe_id
    coupon = door.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    door.v1.subscriptions.update(shop.row.stripe_id, {"discounts": [{"coupon": coupon.id}]})
    shop.settle()


def bill(shop: Shop) -> Bill:
    return Bill(shop.workspace, shop.row, [], shop.now)


def test_the_bill_says_what_comes_next_less_the_discount(shop: Shop) -> None:
    shop.subscribe(team())
    halve(shop)

    assert (bill(shop).next_words, bill(shop).less) == ("$10.00", " less your discount")
    assert bill(shop).headline == "You pay $20.00 a month less your discount for Team"


@pytest.mark.parametrize("old", [False, True])
def test_a_resumption_shows_discount_and_credit_apart(shop: Shop, old: bool) -> None:
    if old:
        subscribe_as_before(shop)
    else:
        shop.subscribe(team())
    halve(shop)
    end = shop.row.period_end
    assert end
    shop.wait(end - shop.now + 15 * DAY)
    pause(shop, 1)
    credit, before = shop.row.pause_credit, shop.paid()
    assert credit

    offer = offers.resume(shop.workspace.id, shop.now)
    due = offer.due.cents

    assert (offer.discount.cents, offer.credit.cents) == (1_000, credit)
    assert due == 2_000 - 1_000 - credit
    assert bill(shop).resume_words == offer.due.words
    assert reminders.due_at_resumption(shop.row) == offer.due
    resume(shop)
    assert shop.paid() - before == due


def test_without_a_figure_of_stripe_the_price_and_what_we_owe_are_shown(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, 1)
    row = shop.row
    row.next_amount, row.balance = None, -300

    assert bill(shop).resume_words == "$7.00"


def test_who_undoes_a_cancellation_is_told_what_is_charged_then(shop: Shop) -> None:
    row = shop.subscribe(team())
    halve(shop)
    door = wiring().stripe
    assert door
    assert row.stripe_id
    door.set_end(row.stripe_id, "key", at_period_end=True)
    shop.settle()

    assert shop.row.ends_at
    assert bill(shop).next_words == "$10.00"
