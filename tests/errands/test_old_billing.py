"""Subscriptions from before flexible billing are paused in the older way, with a credit of ours."""

from datetime import timedelta

import pytest

from earlywatch.clients.stripe_shapes import CardDeclined, StripeAway
from earlywatch.errands import offers
from earlywatch.services.wiring import wiring
from tests.billing import DECLINED, Shop
from tests.errands.test_cancelling import cancel_now
from tests.errands.test_pausing import pause, resume

DAY = timedelta(days=1)


def subscribe_as_before(shop: Shop) -> None:
    """Have Team in the classic billing mode, as an import from elsewhere would."""
    shop.checkout()
    door = wiring().stripe
    assert door
    [price] = door.v1.prices.list({"lookup_keys": ["earlywatch_team_month"]}).data
    method = door.v1.payment_methods.attach("pm_card_visa", {"customer": shop.row.customer_id})
    door.v1.subscriptions.create(
        {
            "customer": shop.row.customer_id,
            "items": [{"price": price.id}],
            "default_payment_method": method.id,
            "billing_mode": {"type": "classic"},
        }
    )
    shop.settle()
    assert not shop.row.flexible


def test_the_older_pause_charges_nothing_and_withdraws_the_limits(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)

    pause(shop, None)
    shop.wait(100 * DAY)

    assert (shop.row.status, shop.plan) == ("paused", "free")
    assert shop.row.pause_credit == 1_000
    assert shop.paid() == 2_000


def test_resuming_from_it_uses_our_credit_once(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.wait(100 * DAY)

    assert offers.resume(shop.workspace.id, shop.now).due.cents == 1_000
    resume(shop)
    shop.wait(timedelta(days=35))

    assert (shop.row.status, shop.plan) == ("active", "team")
    assert shop.paid() == 2_000 + 1_000 + 2_000


def test_a_payment_that_fails_there_leaves_plan_and_credit_as_they_were(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)

    for _ in range(2):
        with pytest.raises(CardDeclined):
            resume(shop)
    shop.use_card()
    resume(shop)

    assert shop.row.status == "active"
    assert shop.paid() == 3_000


def test_cancelling_from_it_gives_our_credit_back_to_the_card(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.wait(40 * DAY)

    cancel_now(shop)
    shop.wait(40 * DAY)

    assert shop.paid() == 1_000
    assert shop.row.status == "canceled"


def test_such_a_pause_ends_by_itself_too(shop: Shop) -> None:
    subscribe_as_before(shop)
    pause(shop, 1)
    shop.wait(33 * DAY)

    assert shop.row.status == "active"
    assert [mail.kind for mail in shop.mails() if mail.kind.startswith("resume_")] == [
        "resume_7_days",
        "resume_1_day",
    ]


def test_if_its_payment_fails_the_owner_is_told_and_it_stays(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)
    pause(shop, 1)
    shop.use_card(DECLINED)
    shop.wait(40 * DAY)

    assert (shop.row.status, shop.plan) == ("paused", "free")
    assert len(shop.mails("resume_failed")) == 1
    assert shop.paid() == 2_000


def test_a_credit_whose_answer_was_lost_is_given_once(shop: Shop) -> None:
    subscribe_as_before(shop)
    shop.wait(15 * DAY)
    pause(shop, None)

    with shop.stripe.fail_after_effect(2, only="/balance_transactions"), pytest.raises(StripeAway):
        resume(shop)
    shop.wait(timedelta(minutes=6))
    assert offers.resume(shop.workspace.id, shop.now).due.cents == 1_000
    resume(shop)

    assert shop.row.status == "active"
    assert (shop.paid(), shop.row.balance) == (3_000, 0)
