"""Both kinds of pause: nothing is charged, unused time counts, and resuming costs its preview."""

from contextlib import suppress
from datetime import timedelta

import pytest

from earlywatch.clients.stripe_shapes import CardDeclined
from tests.stripe_contract.accounts import FAILS_LATER, TEAM, Buyer, new_key

TEN_DAYS, MONTH = timedelta(days=10), timedelta(days=32)


@pytest.fixture
def paused(buyer: Buyer) -> Buyer:
    """A team that paused after ten days."""
    begun = buyer.subscribe(TEAM)
    buyer.account.advance(TEN_DAYS)
    buyer.door.pause(begun.id, new_key(), credit=True)
    return buyer


@pytest.fixture
def held(buyer: Buyer) -> Buyer:
    """A team in the older billing mode, whose collection is paused after ten days."""
    begun = buyer.subscribe(TEAM, mode="classic")
    buyer.account.advance(TEN_DAYS)
    buyer.door.pause_collection(begun.id, new_key())
    return buyer


def paid(buyer: Buyer) -> int:
    """Return the cents that the card was charged so far."""
    return sum(invoice.paid for invoice in buyer.seen.invoices)


def test_a_pause_credits_what_its_preview_said(buyer: Buyer) -> None:
    begun = buyer.subscribe(TEAM)
    buyer.account.advance(TEN_DAYS)

    credit = buyer.door.preview_pause(begun)
    buyer.door.pause(begun.id, new_key(), credit=True)

    seen = buyer.seen
    assert 0 < credit < 2_000
    assert (seen.waiting, seen.balance, seen.next_amount) == (-credit, 0, 2_000 - credit)
    assert seen.subscriptions[0].status == "paused"
    assert seen.subscriptions[0].paused_at == buyer.account.now
    assert seen.subscriptions[0].waiting_invoice is None


def test_a_pause_without_credit_leaves_nothing_waiting(buyer: Buyer) -> None:
    begun = buyer.subscribe(TEAM)

    buyer.door.pause(begun.id, new_key(), credit=False)

    assert (buyer.seen.waiting, buyer.subscription.status) == (0, "paused")


def test_nothing_is_charged_in_a_pause(paused: Buyer) -> None:
    for _ in range(2):
        paused.account.advance(MONTH)

    assert paid(paused) == 2_000
    assert paused.subscription.status == "paused"


def test_resuming_charges_what_its_preview_said(paused: Buyer) -> None:
    credit = -paused.seen.waiting
    paused.account.advance(MONTH)

    preview = paused.door.preview_resume(paused.subscription)
    paused.door.resume(paused.subscription.id, new_key())

    seen = paused.seen
    assert preview.due == 2_000 - credit
    assert paid(paused) == 2_000 + preview.due
    assert (seen.waiting, seen.balance) == (0, 0)
    assert seen.subscriptions[0].status == "active"
    assert seen.subscriptions[0].period_start == paused.account.now


def test_a_resumption_waits_while_its_payment_is_declined(paused: Buyer) -> None:
    paused.use_card(FAILS_LATER)

    with suppress(CardDeclined):  # told at once, or by the invoice that waits
        paused.door.resume(paused.subscription.id, new_key())

    assert paused.subscription.status == "paused"
    assert paused.subscription.waiting_invoice
    assert paid(paused) == 2_000


def test_what_waits_can_be_dropped(paused: Buyer) -> None:
    paused.door.drop_waiting(paused.id, paused.subscription.id)

    assert paused.seen.waiting == 0


def test_a_paused_subscription_can_be_ended(paused: Buyer) -> None:
    paused.door.cancel(paused.subscription.id)

    assert paused.subscription.status == "canceled"
    assert paid(paused) == 2_000


def test_the_older_pause_is_seen_and_charges_nothing(held: Buyer) -> None:
    held.account.advance(MONTH)

    assert held.subscription.collection_paused
    assert not held.subscription.flexible
    assert held.subscription.status == "active"
    assert held.seen.next_amount == 2_000
    assert paid(held) == 2_000


def test_the_older_pause_ends_with_a_new_period_at_its_preview(held: Buyer) -> None:
    held.account.advance(MONTH)

    preview = held.door.preview_resume(held.subscription)
    held.door.resume_collection(held.subscription.id, new_key())

    assert preview.due == 2_000
    assert paid(held) == 4_000
    assert not held.subscription.collection_paused
    assert held.subscription.period_start == held.account.now


def test_the_older_pause_goes_on_when_the_payment_is_declined(held: Buyer) -> None:
    held.use_card(FAILS_LATER)

    with pytest.raises(CardDeclined):
        held.door.resume_collection(held.subscription.id, new_key())

    assert held.subscription.collection_paused
    assert paid(held) == 2_000
