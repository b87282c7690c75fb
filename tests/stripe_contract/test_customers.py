"""Customers, checkouts and pages at Stripe, as our door sees them."""

from datetime import timedelta
from typing import Any

import pytest

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_shapes import Card, StripeRefused, Tariff
from tests.stripe_contract.accounts import SUPPORTER, TEAM, Account, Buyer, new_key

BACK = ("https://watch.example.org/billing/return", "https://watch.example.org/pricing")


def test_a_customer_is_made_once_however_often_it_is_asked_for(account: Account) -> None:
    key, about = new_key(), ("once@example.org", "once", 42)

    first, second = (account.door.create_customer(*about, key) for _ in range(2))

    seen = account.door.see_customer(first)
    account.door.v1.customers.delete(first)
    assert first == second
    assert (seen.subscriptions, seen.invoices) == ((), ())
    assert (seen.card, seen.balance, seen.waiting, seen.next_amount) == (None, 0, 0, None)


def test_a_stranger_is_refused(account: Account) -> None:
    with pytest.raises(StripeRefused):
        account.door.see_customer("cus_nobody")


def test_a_key_that_stripe_does_not_know_is_refused(account: Account) -> None:
    stranger = Stripe("sk_wrong", account.address, tax=False, promotions=False)

    with pytest.raises(StripeRefused):
        stranger.see_customer("cus_nobody")


def test_a_paying_customer_is_seen_with_card_plan_and_invoice(buyer: Buyer) -> None:
    buyer.subscribe(SUPPORTER)
    seen = buyer.seen
    [subscription], [invoice] = seen.subscriptions, seen.invoices
    [line] = invoice.lines

    assert (subscription.status, subscription.tariff) == ("active", SUPPORTER)
    assert subscription.flexible
    assert subscription.period_start == buyer.account.now
    assert timedelta(days=28) <= subscription.period_end - subscription.period_start
    assert (invoice.status, invoice.total, invoice.paid, invoice.refunded) == ("paid", 700, 700, 0)
    assert invoice.subscription_id == subscription.id
    assert (line.cents, line.start, line.end) == (
        700,
        subscription.period_start,
        subscription.period_end,
    )
    assert len(invoice.payment_ids) == 1
    assert invoice.hosted_url
    assert isinstance(seen.card, Card)
    assert (seen.card.brand, seen.card.last4) == ("visa", "4242")
    assert seen.next_amount == 700


@pytest.mark.parametrize("tariff", [SUPPORTER, TEAM], ids=["supporter", "team"])
def test_a_checkout_opens_once_and_can_be_closed(buyer: Buyer, tariff: Tariff) -> None:
    door, key = buyer.door, new_key()

    first, again = (door.open_checkout(buyer.id, 7, tariff, BACK, key) for _ in range(2))
    open_one = door.see_checkout(first.id)
    door.close_checkouts(buyer.id)
    closed = door.see_checkout(first.id)

    assert first == again == open_one
    assert first.url
    assert (first.complete, first.workspace_id) == (False, 7)
    assert (closed.url, closed.complete) == (None, False)


def test_the_portal_and_an_invoice_have_addresses(buyer: Buyer) -> None:
    buyer.subscribe()
    [invoice] = buyer.seen.invoices

    hosted, pdf = buyer.door.document_urls(invoice.id)

    assert hosted
    assert pdf
    assert buyer.door.portal_url(buyer.id, BACK[1]).startswith("http")


def test_the_card_of_a_checkout_becomes_the_one_that_the_portal_changes(buyer: Buyer) -> None:
    begun = buyer.subscribe()
    door = buyer.door
    given: Any = {"customer": buyer.id}
    newer = door.v1.payment_methods.attach("pm_card_mastercard", given).id
    door.v1.subscriptions.update(begun.id, {"default_payment_method": newer})
    assert buyer.subscription.own_card

    for _ in range(2):  # it may be repeated
        door.unite_cards(begun.id)

    seen = buyer.seen
    assert not seen.subscriptions[0].own_card
    assert seen.card
    assert seen.card.brand in {"mastercard", "visa"}  # made within one second: either is as new
