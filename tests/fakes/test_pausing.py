"""The two pauses: the Pause endpoint, and `pause_collection`."""

from datetime import timedelta
from typing import Any

import pytest
from stripe import CardError, InvalidRequestError

from tests.fakes.shop import Shop
from tests.fakes.visitor import FAILS_LATER, WORKING, press

NOTHING: Any = {"unused_time_from": {"type": "none"}}
RESUME: Any = {"payment_behavior": "resume_on_payment_success", "expand": ["latest_invoice"]}


def pending(shop: Shop) -> list[int]:
    """Return the cents that wait for an invoice."""
    return [item.amount for item in shop.client.v1.invoice_items.list({"pending": True}).data]


def test_a_pause_credits_the_unused_time_and_stops_the_clock(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    paused: Any = shop.client.v1.subscriptions.pause(subscription.id)

    assert paused.status == "paused"
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert paused.status_details.paused.transitioned_at == shop.at()
    assert pending(shop) == [-1000]
    shop.stripe.advance(by=timedelta(days=200))
    after = shop.subscription(subscription.id)
    assert after["items"].data[0].current_period_end == paused["items"].data[0].current_period_end
    assert shop.paid() == [2000]
    assert "customer.subscription.paused" in shop.events()


def test_a_pause_may_credit_nothing_or_the_whole_period(shop: Shop) -> None:
    first, second = shop.subscribe(), shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    pause = shop.client.v1.subscriptions.pause

    pause(first.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    assert pending(shop) == []
    pause(second.id, {"bill_for": {"unused_time_from": {"type": "item_current_period_start"}}})
    assert pending(shop) == [-2000]


def test_a_pause_with_an_invoice_puts_the_credit_on_the_balance(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    preview = shop.preview(subscription.id, pause={"invoicing_behavior": "invoice"})
    paused = shop.client.v1.subscriptions.pause(subscription.id, {"invoicing_behavior": "invoice"})

    assert preview.total == -1000
    assert shop.client.v1.customers.retrieve(str(paused.customer)).balance == -1000
    assert pending(shop) == []


def test_a_pause_that_makes_no_invoice_has_no_preview(shop: Shop) -> None:
    subscription = shop.subscribe()

    with pytest.raises(InvalidRequestError) as caught:
        shop.preview(subscription.id, pause={"invoicing_behavior": "pending_invoice_item"})

    assert (caught.value.http_status, caught.value.code) == (404, "invoice_upcoming_none")


def test_resuming_begins_a_period_less_the_credit(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)
    shop.stripe.advance(by=timedelta(days=90))

    preview = shop.preview(subscription.id, resume_at="now")
    resumed: Any = shop.client.v1.subscriptions.resume(subscription.id, RESUME)

    assert preview.amount_due == 1000
    assert (resumed.status, resumed.status_details) == ("active", None)
    assert resumed.latest_invoice.amount_paid == 1000
    assert resumed["items"].data[0].current_period_start == shop.at()
    assert resumed.billing_cycle_anchor == shop.at()
    assert shop.paid() == [2000, 1000]
    assert "customer.subscription.resumed" in shop.events()


def test_an_unpaid_resumption_stays_paused_and_keeps_the_credit(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)

    resumed: Any = shop.client.v1.subscriptions.resume(subscription.id, RESUME)

    assert (resumed.status, resumed.latest_invoice.status) == ("paused", "open")
    assert pending(shop) == []
    shop.stripe.advance(by=timedelta(hours=23))
    after: Any = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status) == ("paused", "void")
    assert pending(shop) == [-1000]
    assert shop.paid() == [2000]


def test_a_resumption_happens_when_its_invoice_is_paid_on_its_page(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)
    resumed: Any = shop.client.v1.subscriptions.resume(subscription.id, RESUME)
    portal = shop.client.v1.billing_portal.sessions.create({"customer": resumed.customer})
    press(portal.url, "save", card=WORKING)
    shop.unite_cards(subscription.id)

    press(resumed.latest_invoice.hosted_invoice_url, "pay")

    assert shop.subscription(subscription.id).status == "active"
    assert shop.paid() == [2000, 1000]


def test_a_second_resumption_takes_the_place_of_an_unpaid_one(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)
    first: Any = shop.client.v1.subscriptions.resume(subscription.id, RESUME)
    portal = shop.client.v1.billing_portal.sessions.create({"customer": first.customer})
    press(portal.url, "save", card=WORKING)
    shop.unite_cards(subscription.id)

    second: Any = shop.client.v1.subscriptions.resume(subscription.id, RESUME)

    assert second.status == "active"
    assert shop.client.v1.invoices.retrieve(first.latest_invoice.id).status == "void"
    assert shop.paid() == [2000, 1000]


def test_resuming_in_the_old_cycle_may_be_invoiced_at_once(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=20))
    shop.client.v1.subscriptions.pause(subscription.id)
    shop.stripe.advance(by=timedelta(days=20))  # ten days into the next period, of 31

    params = {
        **RESUME,
        "billing_cycle_anchor": {"type": "unchanged"},
        "proration_behavior": "always_invoice",
    }
    shop.client.v1.subscriptions.resume(subscription.id, params)  # type: ignore[arg-type]

    assert shop.paid() == [2000, 1355 - 667]


def test_resuming_in_the_old_cycle_costs_only_what_is_left_of_it(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=10))
    shop.client.v1.subscriptions.pause(subscription.id)
    shop.stripe.advance(by=timedelta(days=10))

    resumed = shop.client.v1.subscriptions.resume(
        subscription.id,
        {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "create_prorations"},
    )

    assert resumed.status == "active"
    assert pending(shop) == [667, -1333]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_only_flexible_billing_can_pause(shop: Shop, mode: str) -> None:
    subscription = shop.subscribe(subscription_data={"billing_mode": {"type": mode}})
    shop.client.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})

    with pytest.raises(InvalidRequestError):
        shop.client.v1.subscriptions.pause(subscription.id)


def test_a_paused_collection_voids_invoices_while_periods_go_on(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "pause_collection": {
                "behavior": "void",
                "resumes_at": shop.at() + int(timedelta(days=75).total_seconds()),
            }
        },
    )

    shop.stripe.advance(by=timedelta(days=70))

    paused: Any = shop.subscription(subscription.id)
    assert (paused.status, paused.latest_invoice.status) == ("active", "void")
    assert paused["items"].data[0].current_period_end > shop.at()
    shop.stripe.advance(by=timedelta(days=30))
    assert shop.subscription(subscription.id).pause_collection is None
    assert shop.paid() == [2000, 2000]


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
def test_a_paused_collection_may_keep_or_write_off_its_invoices(
    shop: Shop, behavior: Any, status: str
) -> None:
    subscription = shop.subscribe()
    shop.client.v1.subscriptions.update(
        subscription.id, {"pause_collection": {"behavior": behavior}}
    )

    shop.stripe.advance(by=timedelta(days=40))

    assert shop.invoice_of(shop.subscription(subscription.id)).status == status
    assert shop.paid() == [2000]


def test_resuming_on_attempt_leaves_the_payment_to_others(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.client.v1.subscriptions.pause(subscription.id, {"bill_for": NOTHING})

    resumed: Any = shop.client.v1.subscriptions.resume(
        subscription.id, {"expand": ["latest_invoice"]}
    )
    assert (resumed.status, resumed.latest_invoice.attempted) == ("paused", False)
    with pytest.raises(CardError):
        shop.client.v1.invoices.pay(resumed.latest_invoice.id)

    assert shop.subscription(subscription.id).status == "past_due"


def test_a_pause_leaves_a_draft_to_be_charged(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=30))
    shop.client.v1.subscriptions.pause(subscription.id)

    shop.stripe.advance(by=timedelta(hours=1))

    assert shop.paid() == [2000, 2000]  # Stripe's own trap
    assert pending(shop) == [-2000]


def test_a_paused_collection_is_cleared_by_an_empty_value(shop: Shop) -> None:
    subscription = shop.subscribe()
    update = shop.client.v1.subscriptions.update
    update(subscription.id, {"pause_collection": {"behavior": "void"}})

    assert update(subscription.id, {"pause_collection": ""}).pause_collection is None


def test_a_plan_changed_while_paused_costs_when_it_resumes(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    shop.client.v1.subscriptions.pause(subscription.id)

    shop.change(subscription.id, "business_month")
    shop.client.v1.subscriptions.resume(subscription.id, RESUME)

    assert shop.paid() == [2000, 7000]
