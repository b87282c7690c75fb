"""Changes of plan, amount and interval: prorated to the second, previewed to the cent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stripe import CardError, InvalidRequestError, Subscription

from tests.fakes.shop import NOW, Shop
from tests.fakes.visitor import FAILS_LATER, WORKING, look, press


def lines(invoice: Any) -> list[tuple[int, bool]]:
    """Return amount and whether it is a proration, of each line."""
    found = invoice.lines.data
    return [(one.amount, one.parent.subscription_item_details.proration) for one in found]


def price_of(subscription: Subscription) -> str:
    """Return the price of the only item."""
    [item] = subscription["items"].data
    return str(item.price.id)


def test_a_dearer_plan_costs_the_difference_for_the_rest_of_the_month(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=10))  # of the 30 until 20 December

    changed = shop.change(subscription.id, "business_month")

    invoice: Any = changed.latest_invoice
    assert lines(invoice) == [(-1333, True), (5333, True)]
    assert (invoice.status, invoice.amount_paid) == ("paid", 4000)
    assert price_of(changed) == shop.prices["business_month"]
    assert shop.paid() == [2000, 4000]


def test_a_preview_and_the_change_with_its_date_agree_to_the_cent(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=7, seconds=12_345))
    at = shop.at()

    preview = shop.preview(
        subscription.id,
        items=shop.items(subscription.id, "business_month"),
        proration_behavior="always_invoice",
        proration_date=at,
    )
    shop.stripe.advance(by=timedelta(minutes=9))
    changed = shop.change(subscription.id, "business_month", proration_date=at)

    assert lines(preview) == lines(changed.latest_invoice)
    assert preview.amount_due == shop.paid()[-1]


def test_a_preview_changes_nothing(shop: Shop) -> None:
    subscription = shop.subscribe()
    before = {kind: dict(table) for kind, table in shop.stripe.state.tables.items()}

    shop.preview(
        subscription.id,
        items=shop.items(subscription.id, "business_month"),
        proration_behavior="always_invoice",
    )

    assert shop.stripe.state.tables == before


def test_a_cheaper_plan_leaves_credit_that_later_invoices_use(shop: Shop) -> None:
    subscription = shop.subscribe("business_month")
    shop.stripe.advance(by=timedelta(days=15))

    changed = shop.change(subscription.id, "team_month")

    invoice: Any = changed.latest_invoice
    assert (invoice.total, invoice.amount_due, invoice.status) == (-3000, 0, "paid")
    customer = shop.client.v1.customers.retrieve(str(changed.customer))
    assert customer.balance == -3000
    shop.stripe.advance(by=timedelta(days=50))
    assert shop.paid() == [8000, 1000]  # 20 and 20, less 30


def test_prorations_wait_for_the_renewal_unless_told_otherwise(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    shop.change(subscription.id, "business_month", proration_behavior="create_prorations")

    pending = shop.client.v1.invoice_items.list({"pending": True}).data
    assert [item.amount for item in pending] == [4000, -1000]
    assert shop.preview(subscription.id).amount_due == 11_000
    shop.stripe.advance(by=timedelta(days=16))
    assert shop.paid() == [2000, 11_000]


def test_a_change_without_proration_costs_nothing_before_the_renewal(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    shop.change(subscription.id, "business_month", proration_behavior="none")
    shop.stripe.advance(by=timedelta(days=16))

    assert shop.paid() == [2000, 8000]


def test_another_interval_begins_a_new_period_at_once(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    preview = shop.preview(
        subscription.id,
        items=shop.items(subscription.id, "team_year"),
        proration_behavior="always_invoice",
    )
    changed = shop.change(subscription.id, "team_year")

    assert preview.amount_due == 19_000
    assert shop.paid() == [2000, 19_000]
    [item] = changed["items"].data
    assert item.current_period_start == shop.at()
    assert datetime.fromtimestamp(item.current_period_end, UTC) == datetime(
        2027, 12, 5, 9, tzinfo=UTC
    )


def test_an_amount_of_ones_own_is_changed_with_price_data(shop: Shop) -> None:
    subscription = shop.subscribe()
    [item] = subscription["items"].data
    data: Any = {
        "currency": "usd",
        "product": "earlywatch_supporter",
        "unit_amount": 350,
        "recurring": {"interval": "month"},
    }

    changed = shop.client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price_data": data}], "proration_behavior": "none"},
    )

    [item] = changed["items"].data
    assert (item.id, item.price.unit_amount) == (subscription["items"].data[0].id, 350)
    assert shop.client.v1.prices.retrieve(item.price.id).unit_amount == 350


def test_a_discount_is_never_paid_out(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    subscription = shop.subscribe(discounts=[{"coupon": coupon.id}])
    shop.stripe.advance(by=timedelta(days=15))

    changed = shop.change(subscription.id, "business_month")

    assert lines(changed.latest_invoice) == [(-500, True), (2000, True)]
    assert shop.paid() == [1000, 1500]


def test_two_changes_in_one_period_credit_each_cent_once(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=10))
    shop.change(subscription.id, "business_month")
    shop.stripe.advance(by=timedelta(days=10))

    changed = shop.change(subscription.id, "team_month")

    # Ten days of Team, ten of Business, ten of Team: 6.67 + 26.67 + 6.67 less rounding.
    balance = shop.client.v1.customers.retrieve(str(changed.customer)).balance
    assert sum(shop.paid()) + (balance or 0) == 4000


def test_a_failing_card_changes_nothing_if_the_change_may_wait(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))

    changed = shop.change(
        subscription.id, "business_month", payment_behavior="pending_if_incomplete"
    )

    invoice: Any = changed.latest_invoice
    pending: Any = changed.pending_update
    assert (changed.status, invoice.status) == ("active", "open")
    assert price_of(changed) == shop.prices["team_month"]
    assert pending.expires_at == shop.at() + 23 * 3600
    shop.stripe.advance(by=timedelta(hours=23))
    after = shop.subscription(subscription.id)
    assert (after.pending_update, after.status) == (None, "active")
    assert after.latest_invoice.status == "void"  # type: ignore[union-attr]
    assert price_of(after) == shop.prices["team_month"]
    assert shop.paid() == [2000]


def test_a_waiting_change_happens_when_its_invoice_is_paid(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))
    changed = shop.change(
        subscription.id, "business_month", payment_behavior="pending_if_incomplete"
    )
    portal = shop.client.v1.billing_portal.sessions.create(
        {"customer": str(changed.customer), "return_url": "http://shop.test/billing"}
    )
    assert press(portal.url, "save", card=WORKING).location == "http://shop.test/billing"
    shop.unite_cards(subscription.id)

    page = press(str(shop.invoice_of(changed).hosted_invoice_url), "pay")

    assert "This invoice is paid." in page.text
    after = shop.subscription(subscription.id)
    assert (after.pending_update, price_of(after)) == (None, shop.prices["business_month"])
    assert shop.paid() == [2000, 4000]


def test_a_new_change_takes_the_place_of_one_that_waits(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))
    waiting = shop.change(
        subscription.id, "business_month", payment_behavior="pending_if_incomplete"
    )

    shop.change(subscription.id, "team_month", payment_behavior="pending_if_incomplete")

    assert shop.invoice_of(waiting).status == "void"
    assert shop.subscription(subscription.id).pending_update is None


def test_error_if_incomplete_refuses_and_changes_nothing(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))

    with pytest.raises(CardError, match="declined"):
        shop.change(subscription.id, "business_month", payment_behavior="error_if_incomplete")

    after = shop.subscription(subscription.id)
    assert price_of(after) == shop.prices["team_month"]
    assert after.latest_invoice.status == "paid"  # type: ignore[union-attr]


def test_allow_incomplete_changes_and_leaves_the_invoice_open(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=10))

    changed = shop.change(subscription.id, "business_month")

    assert (changed.status, price_of(changed)) == ("past_due", shop.prices["business_month"])


def test_what_cannot_wait_is_refused_beside_a_change_that_may(shop: Shop) -> None:
    subscription = shop.subscribe()

    with pytest.raises(InvalidRequestError, match="cannot be passed"):
        shop.change(
            subscription.id,
            "business_month",
            payment_behavior="pending_if_incomplete",
            metadata={"a": "b"},
        )


def test_a_proration_date_lies_in_the_current_period(shop: Shop) -> None:
    subscription = shop.subscribe()

    with pytest.raises(InvalidRequestError, match="within the current period"):
        shop.change(subscription.id, "business_month", proration_date=shop.at() - 1)


def test_a_new_cycle_can_begin_now(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))

    changed = shop.client.v1.subscriptions.update(
        subscription.id, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}
    )

    [item] = changed["items"].data
    assert item.current_period_start == changed.billing_cycle_anchor == shop.at()
    assert shop.paid() == [2000, 2000]


def test_the_invoice_page_shows_its_lines_and_a_pdf(shop: Shop) -> None:
    subscription = shop.subscribe()
    invoice = shop.invoice_of(subscription)

    page, pdf = look(str(invoice.hosted_invoice_url)), look(str(invoice.invoice_pdf))

    assert f"Invoice {invoice.number}" in page.text
    assert "Team (at $20.00 / month)" in page.text
    assert pdf.text.startswith("%PDF-1.4")
    assert "Due: $20.00" in pdf.text


def test_a_small_change_is_not_charged_but_kept_on_the_balance(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(to=NOW + timedelta(days=29, hours=23))

    changed = shop.change(subscription.id, "business_month")

    invoice: Any = changed.latest_invoice
    assert (invoice.total, invoice.amount_due, invoice.status) == (8, 0, "paid")
    assert shop.client.v1.customers.retrieve(str(changed.customer)).balance == 8
