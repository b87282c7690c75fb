"""Every object and event looks as the SDK declares it."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeObject, billing_portal, checkout, radar

from tests.fakes.shapes import faults
from tests.fakes.shop import Shop
from tests.fakes.visitor import FAILS_LATER

KINDS: dict[str, type[StripeObject]] = {
    "billing_portal.configuration": billing_portal.Configuration,
    "billing_portal.session": billing_portal.Session,
    "charge": sdk.Charge,
    "checkout.session": checkout.Session,
    "coupon": sdk.Coupon,
    "customer": sdk.Customer,
    "customer_balance_transaction": sdk.CustomerBalanceTransaction,
    "discount": sdk.Discount,
    "dispute": sdk.Dispute,
    "event": sdk.Event,
    "invoice": sdk.Invoice,
    "invoice_payment": sdk.InvoicePayment,
    "invoiceitem": sdk.InvoiceItem,
    "payment_intent": sdk.PaymentIntent,
    "payment_method": sdk.PaymentMethod,
    "price": sdk.Price,
    "product": sdk.Product,
    "promotion_code": sdk.PromotionCode,
    "radar.early_fraud_warning": radar.EarlyFraudWarning,
    "refund": sdk.Refund,
    "subscription": sdk.Subscription,
    "subscription_item": sdk.SubscriptionItem,
    "webhook_endpoint": sdk.WebhookEndpoint,
}


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A shop in which something of everything has happened."""
    v1 = shop.client.v1
    coupon = v1.coupons.create(
        {"percent_off": 25.5, "duration": "repeating", "duration_in_months": 3}
    )
    v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "THANKS"}
    )
    paused = shop.subscribe(discounts=[{"coupon": coupon.id}])
    shop.subscribe("business_month", card=FAILS_LATER)
    v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["invoice.paid"]}
    )
    v1.billing_portal.sessions.create(
        {"customer": str(paused.customer), "return_url": "http://x.test"}
    )
    shop.stripe.advance(by=timedelta(days=5))
    changed = shop.change(paused.id, "business_month")
    shop.stripe.advance(by=timedelta(days=5))
    v1.subscriptions.pause(paused.id)
    payment = shop.stripe.all("charge", customer=changed.customer)[0]
    v1.refunds.create({"charge": payment["id"], "amount": 100})
    shop.stripe.dispute(payment["id"])
    shop.stripe.fraud_warning(payment["id"])
    v1.customers.balance_transactions.create(
        str(paused.customer), {"amount": -5, "currency": "usd"}
    )
    shop.stripe.advance(by=timedelta(days=40))
    shop.checkout()
    return shop


def test_every_object_has_the_shape_that_the_sdk_declares(busy: Shop) -> None:
    seen = set()
    for kind, table in busy.stripe.state.tables.items():
        seen.add(kind)
        for obj in table.values():
            assert not faults(obj, KINDS[kind]), obj["id"]

    assert seen == set(KINDS)


def test_every_event_carries_an_object_of_the_right_shape(busy: Shop) -> None:
    for event in busy.stripe.all("event"):
        obj: dict[str, Any] = event["data"]["object"]
        if event["type"] == "invoice.upcoming":
            obj = {**obj, "id": "in_none"}  # this event alone has an invoice without id
        assert not faults(obj, KINDS[obj["object"]]), event["type"]


def test_previews_have_the_shape_of_an_invoice(shop: Shop) -> None:
    subscription = shop.subscribe()

    preview = shop.preview(subscription.id)

    assert not faults(preview.to_dict(), sdk.Invoice)
