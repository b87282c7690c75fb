"""Cancellations, refunds, disputes, credit."""

from datetime import timedelta
from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.fakes.shop import Shop


def pending(shop: Shop) -> list[int]:
    """Return the cents that wait for an invoice."""
    return [item.amount for item in shop.client.v1.invoice_items.list({"pending": True}).data]


def payment_of(shop: Shop, subscription: Any) -> str:
    """Return the payment intent of the latest invoice."""
    invoice = shop.invoice_of(subscription)
    full: Any = shop.client.v1.invoices.retrieve(str(invoice.id), {"expand": ["payments"]})
    return str(full.payments.data[0].payment.payment_intent)


def test_a_cancellation_at_the_end_can_be_undone_until_then(shop: Shop) -> None:
    subscription = shop.subscribe()
    update = shop.client.v1.subscriptions.update

    leaving = update(subscription.id, {"cancel_at_period_end": True})
    assert leaving.cancel_at == leaving["items"].data[0].current_period_end
    staying = update(subscription.id, {"cancel_at_period_end": False})
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    update(subscription.id, {"cancel_at_period_end": True})
    shop.stripe.advance(by=timedelta(days=31))

    gone = shop.subscription(subscription.id)
    assert (gone.status, gone.ended_at) == ("canceled", leaving.cancel_at)
    assert shop.paid() == [2000]
    assert shop.events("customer.subscription.deleted") == ["customer.subscription.deleted"]


def test_nothing_is_coming_up_for_what_ends(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    with pytest.raises(InvalidRequestError, match="No upcoming invoices"):
        shop.preview(subscription.id)


def test_a_cancellation_now_gives_nothing_back_by_itself(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    gone = shop.client.v1.subscriptions.cancel(subscription.id)

    assert (gone.status, pending(shop), shop.paid()) == ("canceled", [], [2000])
    assert shop.client.v1.subscriptions.list().data == []
    assert len(shop.client.v1.subscriptions.list({"status": "all"}).data) == 1
    with pytest.raises(InvalidRequestError):
        shop.client.v1.subscriptions.cancel(subscription.id)


def test_a_prorated_cancellation_with_an_invoice_gives_credit(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    preview = shop.preview(subscription.id, cancel_now=True)
    gone = shop.client.v1.subscriptions.cancel(
        subscription.id, {"prorate": True, "invoice_now": True}
    )

    assert preview.total == -1000
    assert shop.client.v1.customers.retrieve(str(gone.customer)).balance == -1000


def test_a_plain_cancellation_forgets_credits_that_wait(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)
    assert pending(shop) == [-1000]

    shop.client.v1.subscriptions.cancel(subscription.id)

    assert pending(shop) == []


def test_a_prorated_cancellation_leaves_its_credit_waiting(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    shop.client.v1.subscriptions.cancel(subscription.id, {"prorate": True})

    [item] = shop.client.v1.invoice_items.list({"pending": True}).data
    assert item.amount == -1000
    shop.client.v1.invoice_items.delete(item.id)
    assert pending(shop) == []


def test_a_refund_never_exceeds_what_was_paid(shop: Shop) -> None:
    subscription = shop.subscribe()
    payment = payment_of(shop, subscription)
    refund = shop.client.v1.refunds.create

    first = refund({"payment_intent": payment, "amount": 1500, "metadata": {"why": "unused days"}})
    with pytest.raises(InvalidRequestError, match="greater than unrefunded amount"):
        refund({"payment_intent": payment, "amount": 501})
    refund({"payment_intent": payment})
    with pytest.raises(InvalidRequestError) as caught:
        refund({"payment_intent": payment})

    assert caught.value.code == "charge_already_refunded"
    assert (first.status, first.metadata["why"]) == ("succeeded", "unused days")  # type: ignore[index]
    assert shop.paid() == [2000, -1500, -500]
    charge = shop.client.v1.charges.retrieve(str(first.charge), {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert shop.events("charge.refunded") == ["charge.refunded"] * 2


def test_a_disputed_payment_cannot_be_refunded(shop: Shop) -> None:
    subscription = shop.subscribe()
    payment = payment_of(shop, subscription)
    intent = shop.client.v1.payment_intents.retrieve(payment)
    made = shop.stripe.dispute(str(intent.latest_charge))

    with pytest.raises(InvalidRequestError) as caught:
        shop.client.v1.refunds.create({"payment_intent": payment})

    assert caught.value.code == "charge_disputed"
    shop.stripe.close_dispute(made["id"], won=False)
    assert shop.client.v1.disputes.retrieve(made["id"]).status == "lost"


def test_credit_given_by_hand_pays_the_next_invoice(shop: Shop) -> None:
    subscription = shop.subscribe()
    customer = str(subscription.customer)
    entries = shop.client.v1.customers.balance_transactions

    entries.create(customer, {"amount": -700, "currency": "usd", "metadata": {"for": "a pause"}})
    assert shop.preview(subscription.id).amount_due == 1300
    shop.stripe.advance(by=timedelta(days=31))

    assert shop.paid() == [2000, 1300]
    kinds = [(one.type, one.amount) for one in entries.list(customer).data]
    assert kinds == [("applied_to_invoice", 700), ("adjustment", -700)]


def test_deleting_a_customer_ends_the_subscription(shop: Shop) -> None:
    subscription = shop.subscribe()

    shop.client.v1.customers.delete(str(subscription.customer))

    assert shop.subscription(subscription.id).status == "canceled"
    assert shop.client.v1.customers.retrieve(str(subscription.customer)).deleted
    assert "customer.deleted" in shop.events()


def test_a_voided_invoice_gives_its_credit_back(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"balance": -300})
    items, calls = shop.client.v1.invoice_items, shop.client.v1.invoices
    items.create({"customer": customer.id, "amount": 1000, "currency": "usd"})
    draft = calls.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    opened = calls.finalize_invoice(str(draft.id))

    assert (opened.amount_due, opened.starting_balance) == (700, -300)
    calls.void_invoice(str(draft.id))

    assert shop.client.v1.customers.retrieve(customer.id).balance == -300
