"""Changing, ending and renewing a subscription: previews that come true to the cent."""

from datetime import timedelta

import pytest

from earlywatch.clients.stripe_shapes import CardDeclined, Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.plans import PLANS, Every, PlanName
from tests.stripe_contract.accounts import FAILS_LATER, SUPPORTER, TEAM, Buyer, new_key

TEN_DAYS, MONTH = timedelta(days=10), timedelta(days=32)
GENEROUS = Tariff(PlanName.SUPPORTER, Every.MONTH, Money(1_250))
YEARLY = Tariff(PlanName.TEAM, Every.YEAR, PLANS[PlanName.TEAM].prices[Every.YEAR])


@pytest.mark.parametrize("after", [GENEROUS, TEAM, YEARLY], ids=["amount", "plan", "interval"])
def test_a_dearer_change_charges_what_its_preview_said(buyer: Buyer, after: Tariff) -> None:
    before = buyer.subscribe(SUPPORTER)
    buyer.account.advance(TEN_DAYS)
    at = int(buyer.account.now.timestamp())

    preview = buyer.door.preview_change(before, after, at)
    buyer.door.change(before, after, at, new_key())

    seen = buyer.seen
    assert preview.due > 0
    assert sum(cents for _, cents in preview.lines) == preview.total
    assert (seen.invoices[0].total, seen.invoices[0].paid) == (preview.total, preview.due)
    assert seen.subscriptions[0].tariff == after
    assert seen.subscriptions[0].waiting_invoice is None


def test_a_cheaper_change_credits_what_its_preview_said(buyer: Buyer) -> None:
    before = buyer.subscribe(TEAM)
    buyer.account.advance(TEN_DAYS)
    at = int(buyer.account.now.timestamp())

    preview = buyer.door.preview_change(before, SUPPORTER, at)
    buyer.door.change(before, SUPPORTER, at, new_key())

    seen = buyer.seen
    assert preview.due == 0
    assert preview.balance_after == preview.total < 0
    assert seen.balance == preview.balance_after
    assert seen.subscriptions[0].tariff == SUPPORTER
    assert sum(invoice.paid for invoice in seen.invoices) == 2_000


def test_a_preview_changes_nothing(buyer: Buyer) -> None:
    before = buyer.subscribe(SUPPORTER)

    buyer.door.preview_change(before, TEAM, int(buyer.account.now.timestamp()))

    assert buyer.subscription == before
    assert len(buyer.seen.invoices) == 1


def test_a_change_that_is_repeated_with_its_key_is_charged_once(buyer: Buyer) -> None:
    before, key = buyer.subscribe(SUPPORTER), new_key()
    at = int(buyer.account.now.timestamp())

    for _ in range(2):
        buyer.door.change(before, TEAM, at, key)

    assert len(buyer.seen.invoices) == 2


def test_a_change_waits_while_its_payment_is_declined(buyer: Buyer) -> None:
    before = buyer.subscribe(SUPPORTER)
    buyer.use_card(FAILS_LATER)

    buyer.door.change(before, TEAM, int(buyer.account.now.timestamp()), new_key())

    waiting = buyer.subscription
    assert waiting.tariff == SUPPORTER
    assert waiting.waiting_invoice
    assert waiting.payment_url
    with pytest.raises(CardDeclined):
        buyer.door.pay(waiting.waiting_invoice, new_key())
    buyer.door.void_unpaid(waiting.id)
    assert buyer.subscription.waiting_invoice is None
    assert buyer.subscription.tariff == SUPPORTER


def test_a_month_later_the_same_is_charged_again(buyer: Buyer) -> None:
    before = buyer.subscribe(SUPPORTER)

    buyer.account.advance(MONTH)

    seen = buyer.seen
    assert [invoice.paid for invoice in seen.invoices] == [700, 700]
    assert seen.subscriptions[0].period_start == before.period_end


def test_a_renewal_that_is_declined_leaves_an_open_invoice(buyer: Buyer) -> None:
    buyer.subscribe(SUPPORTER)
    buyer.use_card(FAILS_LATER)

    buyer.account.advance(MONTH)

    newest = buyer.seen.invoices[0]
    assert buyer.subscription.status == "past_due"
    assert (newest.status, newest.paid, newest.failed) == ("open", 0, True)
    assert newest.next_attempt_at is not None


def test_a_cancellation_at_the_end_can_be_undone(buyer: Buyer) -> None:
    begun = buyer.subscribe()

    buyer.door.set_end(begun.id, new_key(), at_period_end=True)
    ending = buyer.subscription
    buyer.door.set_end(begun.id, new_key(), at_period_end=False)

    assert (ending.status, ending.ends_at) == ("active", begun.period_end)
    assert buyer.seen.next_amount == 700
    assert buyer.subscription.ends_at is None


def test_a_cancellation_at_the_end_ends_without_a_charge(buyer: Buyer) -> None:
    begun = buyer.subscribe()
    buyer.door.set_end(begun.id, new_key(), at_period_end=True)

    buyer.account.advance(MONTH)

    assert buyer.subscription.status == "canceled"
    assert buyer.subscription.ended_at == begun.period_end
    assert [invoice.paid for invoice in buyer.seen.invoices] == [700]
