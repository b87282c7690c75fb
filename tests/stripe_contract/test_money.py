"""Giving money back: refunds to the card, credits to the balance."""

from tests.stripe_contract.accounts import SUPPORTER, Buyer, new_key


def test_ending_now_charges_nothing_and_credits_nothing(buyer: Buyer) -> None:
    begun = buyer.subscribe()

    for _ in range(2):  # it may be repeated
        buyer.door.cancel(begun.id)

    seen = buyer.seen
    assert seen.subscriptions[0].status == "canceled"
    assert seen.subscriptions[0].ended_at == buyer.account.now
    assert (seen.balance, seen.waiting, seen.next_amount) == (0, 0, None)
    assert len(seen.invoices) == 1


def test_a_refund_comes_back_once_and_is_seen_on_its_invoice(buyer: Buyer) -> None:
    buyer.subscribe(SUPPORTER)
    [payment] = buyer.seen.invoices[0].payment_ids
    action, key = new_key(), new_key()

    for _ in range(2):
        buyer.door.refund(payment, 233, action, key)

    assert buyer.door.refundable(payment) == 700 - 233
    assert buyer.door.refunded_for(payment, action) == 233
    assert buyer.door.refunded_for(payment, new_key()) == 0
    [invoice] = buyer.seen.invoices
    assert (invoice.refunded, invoice.withheld) == (233, 233)
    assert [(each.cents, each.action_id) for each in invoice.refunds] == [(233, action)]


def test_a_credit_is_taken_off_the_next_invoice(buyer: Buyer) -> None:
    buyer.subscribe(SUPPORTER)

    buyer.door.credit(buyer.id, 250, "usd", "A month without pings", new_key())

    assert buyer.seen.balance == -250
    assert buyer.seen.next_amount == 700 - 250
    assert buyer.door.has_credit(buyer.id, "A month without pings")
    assert not buyer.door.has_credit(buyer.id, "Another month")


def test_a_credit_can_be_taken_away_again(buyer: Buyer) -> None:
    buyer.subscribe(SUPPORTER)
    buyer.door.credit(buyer.id, 250, "usd", "Given", new_key())

    buyer.door.credit(buyer.id, -250, "usd", "Given back to the card", new_key())

    assert buyer.seen.balance == 0
