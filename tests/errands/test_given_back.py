"""What went back to the card or was disputed is given back once, and told to whom it concerns."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_shapes import StripeAway
from earlywatch.domain.plans import Every
from earlywatch.errands import acts, offers
from earlywatch.services.wiring import wiring
from tests.billing import SUPPORTER, Shop, team
from tests.errands.test_cancelling import OWNER, cancel_now
from tests.errands.test_changing import change

DAY = timedelta(days=1)


def newest_charge(shop: Shop) -> dict[str, Any]:
    return shop.stripe.all("charge")[0]


def refund_by_hand(shop: Shop, cents: int) -> None:
    """Give back at Stripe, as an operator does."""
    door = wiring().stripe
    assert door
    payment = newest_charge(shop)["payment_intent"]
    door.v1.refunds.create({"payment_intent": payment, "amount": cents})
    shop.settle()


def test_a_month_that_was_refunded_by_hand_is_not_refunded_again(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(32 * DAY)
    refund_by_hand(shop, 2_000)

    assert offers.cancel(shop.workspace.id, shop.now).refund.cents == 0
    cancel_now(shop)

    assert shop.paid() == 2_000


def test_of_a_year_that_was_half_refunded_the_other_half_counts(shop: Shop) -> None:
    shop.subscribe(team(Every.YEAR))
    shop.wait(10 * DAY)
    refund_by_hand(shop, 10_000)

    cancel_now(shop)

    assert shop.paid() == 20_000 - 10_000 - round(10_000 * 355 / 365)


def test_what_was_given_back_after_a_warning_of_fraud_is_not_given_back_again(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(32 * DAY)
    shop.stripe.fraud_warning(newest_charge(shop)["id"])
    shop.settle()

    cancel_now(shop)

    assert shop.paid() == 2_000


def test_nothing_is_refunded_from_a_disputed_payment(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(32 * DAY)
    shop.stripe.dispute(newest_charge(shop)["id"])
    shop.settle()
    shop.wait(DAY)

    assert offers.cancel(shop.workspace.id, shop.now).refund.cents == 0
    cancel_now(shop)

    assert shop.row.status == "canceled"
    assert shop.stripe.all("refund") == []


def test_a_credit_comes_back_from_a_payment_that_is_not_disputed(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(32 * DAY)
    change(shop, SUPPORTER)
    shop.stripe.dispute(newest_charge(shop)["id"])
    shop.settle()

    cancel_now(shop)

    [undisputed] = shop.stripe.all("charge", disputed=False)
    assert {refund["charge"] for refund in shop.stripe.all("refund")} <= {undisputed["id"]}


def test_a_refund_that_failed_is_told_and_does_not_count(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    cancel_now(shop)
    [refund] = shop.stripe.all("refund")
    door = wiring().stripe
    assert door

    shop.stripe.fail_refund(refund["id"])
    shop.settle()
    shop.settle()

    action = refund["metadata"]["action_id"]
    assert door.refunded_for(refund["payment_intent"], action) == 0
    [mail] = shop.mails("refund_failed")
    assert (mail.address, "$13.33" in str(mail.letter)) == ("ops@example.org", True)
    assert [kind for kind, _ in shop.history()].count("refund_failed") == 1


def test_what_is_given_back_anew_after_a_failure_is_told_again(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    cancel_now(shop)
    [refund] = shop.stripe.all("refund")
    shop.stripe.fail_refund(refund["id"])
    shop.settle()

    refund_by_hand(shop, refund["amount"])

    [mail] = shop.mails("refunded")
    assert "by hand" in str(mail.letter)
    assert [kind for kind, _ in shop.history()].count("refunded") == 2


def test_a_refund_by_hand_is_told_though_something_was_pressed_just_now(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    shown = offers.cancel(shop.workspace.id, shop.now).refund.cents
    with shop.stripe.down(), pytest.raises(StripeAway):
        acts.cancel_now(shop.workspace.id, OWNER, uuid4(), (), shown, shop.now)

    refund_by_hand(shop, 500)

    [mail] = shop.mails("refunded")
    assert "$5.00" in str(mail.letter)


def test_a_refund_that_a_worker_finishes_later_was_not_given_by_hand(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    with shop.stripe.fail_after_effect(40, only="/refunds"):
        cancel_now(shop)
        shop.go_to(shop.now + timedelta(minutes=30))
        shop.look()
    shop.wait(timedelta(minutes=10))

    assert shop.paid() == 2_000 - 1_333
    assert shop.mails("refunded") == []
    assert ("refunded", OWNER) in shop.history()


def test_the_refund_of_a_second_subscription_is_told_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.checkout(team())
    with monkeypatch.context() as patch:
        patch.setattr(Stripe, "close_checkouts", lambda *_: None)  # another request's is later
        second = shop.checkout(team())
    for url in (first, second):
        shop.pay(url)
    shop.settle()
    shop.wait(DAY)

    assert shop.paid() == 2_000
    [mail] = shop.mails("refunded")
    assert "$20.00" in str(mail.letter)
    assert "second subscription" in str(mail.letter)
