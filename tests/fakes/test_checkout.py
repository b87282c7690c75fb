"""Checkout: the page, the cards, and what is there afterwards."""

from datetime import timedelta
from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.fakes.shop import Shop
from tests.fakes.visitor import ASKS_BANK, DECLINED, DISPUTED, WARNED, look, pay, press


def test_a_payment_makes_customer_subscription_invoice_and_charge(shop: Shop) -> None:
    session = shop.checkout(
        client_reference_id="workspace-7",
        customer_email="ada@example.org",
        subscription_data={"metadata": {"workspace": "7"}},
        metadata={"from": "pricing"},
    )

    page = pay(session.url)

    assert page.location == f"http://shop.test/done?session={session.id}"
    done = shop.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["subscription.default_payment_method", "customer", "invoice"]}
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.client_reference_id, done.amount_total) == ("workspace-7", 2000)
    bought: Any = done.subscription
    assert (bought.status, bought.metadata["workspace"]) == ("active", "7")
    assert bought.default_payment_method.card.last4 == "4242"
    assert bought.billing_mode.type == "flexible"
    assert done.customer.email == "ada@example.org"  # type: ignore[union-attr]
    assert (done.invoice.status, done.invoice.total) == ("paid", 2000)  # type: ignore[union-attr]
    assert shop.paid() == [2000]


def test_the_amount_may_be_named_in_the_session_itself(shop: Shop) -> None:
    data = {
        "currency": "usd",
        "product": "earlywatch_supporter",
        "unit_amount": 700,
        "recurring": {"interval": "month"},
        "tax_behavior": "inclusive",
    }
    session = shop.checkout(line_items=[{"price_data": data, "quantity": 1}])

    assert "$7.00 a month" in look(session.url).text
    assert "Pay $7.00" in look(session.url).text

    pay(session.url)

    [subscription] = shop.client.v1.subscriptions.list().data
    [item] = subscription["items"].data
    assert (item.price.product, item.price.unit_amount) == ("earlywatch_supporter", 700)
    assert shop.paid() == [700]


def test_a_declined_card_leaves_the_page_open(shop: Shop) -> None:
    session = shop.checkout()

    page = pay(session.url, DECLINED)

    assert page.status == 200
    assert "Your card was declined." in page.text
    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.paid() == []
    assert pay(session.url).status == 303


def test_a_number_that_no_card_has_is_refused_with_a_hint(shop: Shop) -> None:
    page = pay(shop.checkout().url, "1234")

    assert "Your card number is incorrect." in page.text


def test_a_card_that_asks_the_bank_needs_a_second_button(shop: Shop) -> None:
    session = shop.checkout()

    page = press(session.url, "pay", card=ASKS_BANK)

    assert "Confirm at your bank" in page.text
    assert shop.paid() == []
    assert press(session.url, "confirm", card=ASKS_BANK).status == 303
    assert shop.paid() == [2000]


def test_a_session_is_paid_once(shop: Shop) -> None:
    session = shop.checkout()
    pay(session.url)

    assert pay(session.url).status == 410
    assert shop.paid() == [2000]


def test_a_session_expires_after_a_day(shop: Shop) -> None:
    session = shop.checkout()

    shop.stripe.advance(by=timedelta(hours=24))

    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert "expired" in look(session.url).text
    assert "checkout.session.expired" in shop.events()


def test_a_session_can_be_closed_by_the_shop(shop: Shop) -> None:
    session = shop.checkout()

    assert shop.client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(InvalidRequestError, match="has a status of expired"):
        shop.client.v1.checkout.sessions.expire(session.id)


def test_a_session_lives_between_half_an_hour_and_a_day(shop: Shop) -> None:
    with pytest.raises(InvalidRequestError, match="at least 30 minutes"):
        shop.checkout(expires_at=shop.at() + 60)


def test_a_known_customer_is_taken_along(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.org"})

    subscription = shop.subscribe(customer=customer.id)

    assert subscription.customer == customer.id
    assert len(shop.client.v1.customers.list().data) == 1


def test_a_typed_code_takes_off_what_its_coupon_says(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25, "duration": "once"})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "THANKS"}
    )
    session = shop.checkout(allow_promotion_codes=True)

    assert "This code is invalid." in press(session.url, "apply", code="NOPE").text
    assert "Pay $15.00" in press(session.url, "apply", code="thanks").text
    pay(session.url)

    assert shop.paid() == [1500]
    shop.stripe.advance(by=timedelta(days=31))
    assert shop.paid() == [1500, 2000]


def test_a_repeating_coupon_ends_with_its_months(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create(
        {"amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 2}
    )
    shop.subscribe(discounts=[{"coupon": coupon.id}])

    shop.stripe.advance(by=timedelta(days=95))

    assert shop.paid() == [1500, 1500, 2000, 2000]


def test_some_cards_are_disputed_or_suspected_afterwards(shop: Shop) -> None:
    shop.subscribe(card=DISPUTED)
    shop.subscribe(card=WARNED)

    shop.stripe.advance(by=timedelta(minutes=1))

    [dispute] = shop.client.v1.disputes.list().data
    [warning] = shop.client.v1.radar.early_fraud_warnings.list().data
    assert (dispute.status, dispute.amount) == ("needs_response", 2000)
    assert warning.actionable
    assert {"charge.dispute.created", "radar.early_fraud_warning.created"} <= set(shop.events())


def test_line_items_and_open_sessions_can_be_listed(shop: Shop) -> None:
    session = shop.checkout()

    [item] = shop.client.v1.checkout.sessions.line_items.list(session.id).data
    assert (item.description, item.amount_total) == ("Team", 2000)
    open_ones = shop.client.v1.checkout.sessions.list({"status": "open"}).data
    assert [one.id for one in open_ones] == [session.id]
