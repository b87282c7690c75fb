"""Each refusal that a mistake of ours would meet, with its status and its words."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from stripe import StripeError

from tests.fakes.conftest import connect
from tests.fakes.shop import Shop
from tests.fakes.stripe import FakeStripe
from tests.fakes.visitor import FAILS_LATER, look, press

Call = Callable[[Shop], Any]
MONTHLY = {"currency": "usd", "recurring": {"interval": "month"}}

REFUSED: dict[str, tuple[Call, str]] = {
    "a product twice": (
        lambda shop: shop.client.v1.products.create({"id": "earlywatch_team", "name": "Team"}),
        "Product already exists",
    ),
    "a price of nothing": (
        lambda shop: shop.client.v1.prices.create({**MONTHLY, "unit_amount": 1}),  # type: ignore[typeddict-item]
        "Missing required param: product",
    ),
    "a price without amount": (
        lambda shop: shop.client.v1.prices.create({**MONTHLY, "product": "earlywatch_team"}),  # type: ignore[typeddict-item]
        "Missing required param: unit_amount",
    ),
    "an amount below zero": (
        lambda shop: shop.checkout(line_items=[line(unit_amount=-1)]),
        "Invalid non-negative integer",
    ),
    "a line without amount": (
        lambda shop: shop.checkout(line_items=[line()]),
        r"Missing required param: price_data\[unit_amount\]",
    ),
    "an unknown product": (
        lambda shop: shop.checkout(line_items=[line(unit_amount=1, product="prod_none")]),
        "No such product",
    ),
    "a line without price": (
        lambda shop: shop.checkout(line_items=[{"quantity": 1}]),
        r"Missing required param: items\[0\]\[price\]",
    ),
    "a basket that is empty": (
        lambda shop: shop.checkout(line_items=[]),
        "Missing required param: line_items",
    ),
    "another mode": (lambda shop: shop.checkout(mode="setup"), "subscription"),
    "two ways to name a customer": (
        lambda shop: shop.checkout(
            customer=shop.client.v1.customers.create({}).id, customer_email="a@example.org"
        ),
        "only specify one of these parameters",
    ),
    "a code field and a discount": (
        lambda shop: shop.checkout(allow_promotion_codes=True, discounts=[{"coupon": "c"}]),
        "only specify one of these parameters",
    ),
    "a coupon of two kinds": (
        lambda shop: shop.client.v1.coupons.create(
            {"percent_off": 1, "amount_off": 1, "currency": "usd"}
        ),
        "percent_off or amount_off",
    ),
    "a repeating coupon without months": (
        lambda shop: shop.client.v1.coupons.create({"percent_off": 1, "duration": "repeating"}),
        "duration_in_months",
    ),
    "a subscription without items": (
        lambda shop: shop.client.v1.subscriptions.create(
            {"customer": shop.client.v1.customers.create({}).id}
        ),
        "Missing required param: items",
    ),
    "an item of another subscription": (
        lambda shop: shop.client.v1.subscriptions.update(
            shop.subscribe().id, {"items": [{"id": "si_none"}]}
        ),
        "No such subscription_item",
    ),
    "somebody else's card": (
        lambda shop: shop.client.v1.subscriptions.update(
            shop.subscribe().id,
            {"default_payment_method": str(shop.subscribe().default_payment_method)},
        ),
        "must be attached to the customer",
    ),
    "a card that the bank refuses": (
        lambda shop: shop.client.v1.payment_methods.attach(
            "pm_card_visa_chargeDeclined", {"customer": shop.client.v1.customers.create({}).id}
        ),
        "Your card was declined",
    ),
    "a resumption of what runs": (
        lambda shop: shop.client.v1.subscriptions.resume(shop.subscribe().id),
        "must be paused",
    ),
    "a preview of such a resumption": (
        lambda shop: shop.preview(shop.subscribe().id, resume_at="now"),
        "only subscriptions that are paused",
    ),
    "a preview of a pause without credit": (
        lambda shop: shop.preview(
            shop.subscribe().id,
            pause={
                "invoicing_behavior": "invoice",
                "bill_for": {"unused_time_from": {"type": "none"}},
            },
        ),
        "No upcoming invoices",
    ),
    "a preview of nothing": (
        lambda shop: shop.client.v1.invoices.create_preview({}),
        "You must pass a subscription",
    ),
    "an invoice paid twice": (
        lambda shop: shop.client.v1.invoices.pay(str(shop.invoice_of(shop.subscribe()).id)),
        "already paid",
    ),
    "a paid invoice voided": (
        lambda shop: shop.client.v1.invoices.void_invoice(
            str(shop.invoice_of(shop.subscribe()).id)
        ),
        "This invoice is paid",
    ),
    "a paid invoice finalized": (
        lambda shop: shop.client.v1.invoices.finalize_invoice(
            str(shop.invoice_of(shop.subscribe()).id)
        ),
        "already finalized",
    ),
    "a paid invoice written off": (
        lambda shop: shop.client.v1.invoices.mark_uncollectible(
            str(shop.invoice_of(shop.subscribe()).id)
        ),
        "only mark open invoices",
    ),
    "a refund of nothing": (
        lambda shop: shop.client.v1.refunds.create({"amount": 100}),
        "One of the following params",
    ),
    "a refund of no cents": (
        lambda shop: shop.client.v1.refunds.create({"charge": charge(shop), "amount": 0}),
        "greater than or equal to 1",
    ),
    "credit in another currency": (
        lambda shop: shop.client.v1.customers.balance_transactions.create(
            shop.client.v1.customers.create({"balance": -100}).id,
            {"amount": -100, "currency": "eur"},
        ),
        "another currency",
    ),
    "a webhook to nowhere": (
        lambda shop: shop.client.v1.webhook_endpoints.create(
            {"url": "nowhere", "enabled_events": ["*"]}
        ),
        "Invalid URL",
    ),
    "an event that Stripe does not have": (
        lambda shop: shop.client.v1.webhook_endpoints.create(
            {"url": "http://x.test/", "enabled_events": ["invoice.eaten"]}  # type: ignore[list-item]
        ),
        "must be one of",
    ),
    "a card that ends another flow": (
        lambda shop: shop.client.v1.billing_portal.sessions.create(
            {
                "customer": shop.client.v1.customers.create({}).id,
                "flow_data": {"type": "subscription_cancel"},
            }
        ),
        "changes the card only",
    ),
    "a key that is too long": (
        lambda shop: shop.client.v1.customers.create({}, {"idempotency_key": "k" * 256}),
        "at most 255 characters",
    ),
    "more than four levels": (
        lambda shop: shop.client.v1.customers.list({"expand": ["data.a.b.c.d.e"]}),
        "more than 4 levels",
    ),
    "a page after nothing": (
        lambda shop: shop.client.v1.customers.list({"starting_after": "cus_none"}),
        "No such object",
    ),
}


def line(**more: Any) -> Any:
    """Return a line of a basket with a price of its own."""
    return {"price_data": {**MONTHLY, "product": "earlywatch_team", **more}, "quantity": 1}


def charge(shop: Shop) -> str:
    """Pay something; return the charge."""
    shop.subscribe()
    return str(shop.stripe.all("charge")[0]["id"])


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_refused(shop: Shop, case: str) -> None:
    call, words = REFUSED[case]

    with pytest.raises(StripeError, match=words) as caught:
        call(shop)

    assert caught.value.http_status in (400, 402, 404)


def test_what_has_ended_takes_only_notes(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.client.v1.subscriptions.cancel(subscription.id)
    update = shop.client.v1.subscriptions.update

    assert update(subscription.id, {"metadata": {"why": "moved"}}).status == "canceled"
    with pytest.raises(StripeError, match="only update"):
        update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(StripeError, match="No such subscription"):
        shop.client.v1.subscriptions.pause(subscription.id)
    with pytest.raises(StripeError, match="No upcoming invoices"):
        shop.preview(subscription.id)


def test_a_change_that_waits_cannot_be_paused_over(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))
    shop.change(subscription.id, "business_month", payment_behavior="pending_if_incomplete")

    with pytest.raises(StripeError, match="pending update"):
        shop.client.v1.subscriptions.pause(subscription.id)


def test_what_the_fake_does_not_know_fails_the_test_that_asks_for_it() -> None:
    fake = FakeStripe()
    fake.start()
    unknown: Any = {"cash_balance": {"settings": {"reconciliation_mode": "manual"}}}

    with pytest.raises(StripeError):
        connect(fake).v1.customers.create(unknown)

    with pytest.raises(AssertionError, match="the fake Stripe itself failed"):
        fake.__exit__(None, None, None)


def test_pages_of_nothing_say_so(shop: Shop) -> None:
    assert look(f"{shop.stripe.url}/c/pay/cs_none").status == 404
    portal = shop.client.v1.billing_portal.sessions.create(
        {"customer": str(shop.subscribe().customer)}
    )

    assert "Your card number is incorrect." in press(portal.url, "save", card="1").text
    assert "Your card was declined." in press(portal.url, "save", card="4000000000000002").text
