"""Renewals, failed payments, and the clock behind both."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.conftest import connect
from tests.fakes.shop import NOW, Shop
from tests.fakes.stripe import FakeStripe, Rules
from tests.fakes.visitor import ASKS_BANK, FAILS_LATER, WORKING, press


def new_card(shop: Shop, customer: Any, card: str = WORKING) -> None:
    """Change the card in the portal."""
    session = shop.client.v1.billing_portal.sessions.create({"customer": str(customer)})
    press(session.url, "save", card=card)


def test_a_renewal_is_a_draft_for_an_hour_and_then_charged(shop: Shop) -> None:
    subscription = shop.subscribe()
    end = subscription["items"].data[0].current_period_end

    shop.stripe.advance(to=datetime.fromtimestamp(end, UTC))
    assert shop.subscription(subscription.id).latest_invoice.status == "draft"  # type: ignore[union-attr]
    shop.stripe.advance(by=timedelta(hours=1))

    invoice: Any = shop.subscription(subscription.id).latest_invoice
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_cycle")
    assert [entry.at for entry in shop.stripe.ledger()] == [NOW, NOW + timedelta(days=30, hours=1)]


def test_periods_keep_the_day_of_the_month_or_end_with_it() -> None:
    with FakeStripe(now=datetime(2027, 1, 31, 12, tzinfo=UTC)) as stripe:
        shop = Shop(stripe, connect(stripe))
        shop.stock()
        subscription = shop.subscribe()
        ends = []
        for _ in range(4):
            [item] = shop.subscription(subscription.id)["items"].data
            ends.append(datetime.fromtimestamp(item.current_period_end, UTC))
            stripe.advance(to=ends[-1])

    assert [(end.month, end.day, end.hour) for end in ends] == [
        (2, 28, 12),
        (3, 31, 12),
        (4, 30, 12),
        (5, 31, 12),
    ]


def test_a_long_step_does_everything_in_between_at_its_own_moment(shop: Shop) -> None:
    shop.subscribe()

    shop.stripe.advance(by=timedelta(days=365))

    moments = [entry.at for entry in shop.stripe.ledger()]
    assert len(moments) == 12
    assert [moment.day for moment in moments] == [20] * 12
    assert shop.stripe.clock.now == NOW + timedelta(days=365)


def test_the_upcoming_invoice_is_announced_a_week_before(shop: Shop) -> None:
    shop.subscribe()
    shop.stripe.advance(by=timedelta(days=22))
    assert shop.events("invoice.upcoming") == []

    shop.stripe.advance(by=timedelta(days=2))

    assert shop.events("invoice.upcoming") == ["invoice.upcoming"]
    [event] = shop.stripe.all("event", type="invoice.upcoming")
    assert event["data"]["object"]["amount_due"] == 2000


def test_a_failed_renewal_is_tried_again_and_then_given_up(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=30, hours=1))
    assert shop.subscription(subscription.id).status == "past_due"

    tries = []
    for _ in range(4):
        invoice = shop.invoice_of(shop.subscription(subscription.id))
        tries.append(int(invoice.next_payment_attempt or 0))
        shop.stripe.advance(to=datetime.fromtimestamp(tries[-1], UTC))

    first = int((NOW + timedelta(days=30, hours=1)).timestamp())
    assert [(moment - first) // 86_400 for moment in tries] == [3, 5, 7, 14]
    gone = shop.subscription(subscription.id)
    assert gone.status == "canceled"
    assert gone.cancellation_details.reason == "payment_failed"  # type: ignore[union-attr]
    assert shop.invoice_of(gone).status == "open"
    assert shop.events("invoice.payment_failed") == ["invoice.payment_failed"] * 5
    assert shop.paid() == [2000]


@pytest.mark.parametrize("end", ["unpaid", "past_due"])
def test_an_account_may_keep_what_is_never_paid(end: str) -> None:
    with FakeStripe(now=NOW, rules=Rules(after_retries=end)) as stripe:
        shop = Shop(stripe, connect(stripe))
        shop.stock()
        subscription = shop.subscribe(card=FAILS_LATER)

        stripe.advance(by=timedelta(days=45))

        assert shop.subscription(subscription.id).status == end


def test_a_new_card_and_the_open_invoice_make_all_well(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=31))
    late = shop.subscription(subscription.id)
    new_card(shop, late.customer)
    shop.unite_cards(subscription.id)

    press(str(shop.invoice_of(late).hosted_invoice_url), "pay")

    after = shop.client.v1.subscriptions.retrieve(
        subscription.id, {"expand": ["customer.invoice_settings.default_payment_method"]}
    )
    default: Any = after.customer.invoice_settings.default_payment_method  # type: ignore[union-attr]
    assert (after.status, shop.paid()) == ("active", [2000, 2000])
    assert (after.default_payment_method, default.card.last4) == (None, "4242")


def test_a_new_card_does_not_pay_for_a_subscription_with_one_of_its_own(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    new_card(shop, subscription.customer)

    shop.stripe.advance(by=timedelta(days=31))

    assert shop.subscription(subscription.id).status == "past_due"
    assert shop.paid() == [2000]


def test_a_new_card_is_used_by_the_next_retry(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=31))
    new_card(shop, subscription.customer)
    shop.unite_cards(subscription.id)

    shop.stripe.advance(by=timedelta(days=3))

    assert shop.subscription(subscription.id).status == "active"
    assert shop.paid() == [2000, 2000]


def test_a_renewal_that_needs_the_bank_waits_for_its_page(shop: Shop) -> None:
    subscription = shop.subscribe(card=ASKS_BANK)
    shop.stripe.advance(by=timedelta(days=31))
    late = shop.subscription(subscription.id)
    url = str(shop.invoice_of(late).hosted_invoice_url)
    full: Any = shop.client.v1.invoices.retrieve(
        str(late.latest_invoice.id),  # type: ignore[union-attr]
        {"expand": ["payments.data.payment.payment_intent"]},
    )
    assert full.payments.data[0].payment.payment_intent.status == "requires_action"
    assert "invoice.payment_action_required" in shop.events()

    assert "Confirm at your bank" in press(url, "pay").text
    press(url, "confirm")

    assert shop.subscription(subscription.id).status == "active"
    assert shop.paid() == [2000, 2000]


@pytest.mark.parametrize("call", ["void_invoice", "mark_uncollectible"])
def test_an_invoice_that_nobody_expects_any_more_ends_the_arrears(shop: Shop, call: str) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=31))
    late = shop.subscription(subscription.id)

    getattr(shop.client.v1.invoices, call)(late.latest_invoice.id)  # type: ignore[union-attr]

    assert shop.subscription(subscription.id).status == "active"
    shop.stripe.advance(by=timedelta(days=20))
    assert shop.paid() == [2000]


def test_a_renewal_can_be_stopped_while_it_is_a_draft(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=30))
    draft = shop.invoice_of(shop.subscription(subscription.id))
    calls = shop.client.v1.invoices

    calls.finalize_invoice(str(draft.id), {"auto_advance": False})
    calls.void_invoice(str(draft.id))
    shop.stripe.advance(by=timedelta(days=20))

    assert shop.paid() == [2000]


def test_a_draft_that_is_finalized_by_hand_is_charged_an_hour_later(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=30))
    draft = shop.invoice_of(shop.subscription(subscription.id))

    opened = shop.client.v1.invoices.finalize_invoice(str(draft.id))
    assert (opened.status, shop.paid()) == ("open", [2000])
    shop.stripe.advance(by=timedelta(hours=1))

    assert shop.paid() == [2000, 2000]


def test_a_first_payment_that_fails_leaves_the_subscription_incomplete(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({})
    card = shop.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )

    made = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": shop.prices["team_month"]}],
            "default_payment_method": card.id,
        }
    )

    assert made.status == "incomplete"
    shop.stripe.advance(by=timedelta(hours=23))
    after = shop.subscription(made.id)
    assert after.status == "incomplete_expired"
    assert shop.invoice_of(after).status == "void"


def test_the_schedule_stops_when_the_subscription_is_cancelled(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=31))
    new_card(shop, subscription.customer)

    shop.client.v1.subscriptions.cancel(subscription.id)
    shop.stripe.advance(by=timedelta(days=60))

    assert shop.paid() == [2000]
