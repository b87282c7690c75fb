"""The quieter calls: catalogue, cards, invoices by hand, portal settings, lists."""

from datetime import timedelta
from typing import Any

from stripe import StripeClient

from tests.fakes.shop import Shop
from tests.fakes.visitor import FAILS_LATER, press


def test_products_can_be_found_by_id(shop: Shop) -> None:
    shop.client.v1.products.update("earlywatch_team", {"active": False})
    listed = shop.client.v1.products.list

    assert [one.id for one in listed({"ids": ["earlywatch_team"]}).data] == ["earlywatch_team"]
    assert len(listed({"active": True}).data) == 2


def test_a_price_may_bring_its_product(client: StripeClient) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 500,
            "product_data": {"name": "Mug"},
            "recurring": {"interval": "week", "interval_count": 2},
        }
    )

    renamed = client.v1.prices.update(price.id, {"nickname": "small", "active": False})

    assert client.v1.products.retrieve(str(price.product)).name == "Mug"
    assert (renamed.nickname, renamed.active, renamed.unit_amount) == ("small", False, 500)


def test_coupons_and_codes_can_be_listed(client: StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever", "id": "TEN"})
    code = client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "TENOFF"}
    )

    assert [one.id for one in client.v1.coupons.list().data] == ["TEN"]
    assert [one.id for one in client.v1.promotion_codes.list({"code": "TENOFF"}).data] == [code.id]


def test_a_customers_cards_can_be_read_and_taken_away(shop: Shop) -> None:
    customer = shop.client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_mastercard"},
        }
    )
    calls = shop.client.v1.payment_methods

    cards = shop.client.v1.customers.payment_methods.list(customer.id).data
    assert sorted(card.card.last4 for card in cards if card.card) == ["4242", "4444"]
    default: Any = shop.client.v1.customers.retrieve(customer.id).invoice_settings
    assert calls.detach(default.default_payment_method).customer is None
    assert len(calls.list({"customer": customer.id}).data) == 1
    cleared: Any = shop.client.v1.customers.retrieve(customer.id).invoice_settings
    assert cleared.default_payment_method is None
    back = calls.attach(default.default_payment_method, {"customer": customer.id})
    assert shop.client.v1.customers.payment_methods.retrieve(customer.id, back.id).id == back.id


def test_a_card_can_be_made_of_its_number_and_renewed(client: StripeClient) -> None:
    card = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}
    )

    renewed = client.v1.payment_methods.update(card.id, {"card": {"exp_year": 2040}})

    assert renewed.card
    assert renewed.card.exp_year == 2040


def test_a_balance_can_be_set_and_its_entries_read(client: StripeClient) -> None:
    customer = client.v1.customers.create({"balance": -100})
    client.v1.customers.update(customer.id, {"balance": -250})
    entries = client.v1.customers.balance_transactions

    newest = entries.list(customer.id).data[0]

    assert (newest.amount, newest.ending_balance) == (-150, -250)
    assert entries.retrieve(customer.id, newest.id).type == "adjustment"


def test_an_invoice_by_hand_is_finalized_by_the_clock(shop: Shop) -> None:
    customer = shop.client.v1.customers.create(
        {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    item = {"customer": customer.id, "amount": 900, "currency": "usd", "description": "A mug"}
    shop.client.v1.invoice_items.create(item)  # type: ignore[arg-type]
    draft = shop.client.v1.invoices.create(
        {
            "customer": customer.id,
            "auto_advance": True,
            "pending_invoice_items_behavior": "include",
        }
    )

    shop.stripe.advance(by=timedelta(hours=1))

    paid = shop.client.v1.invoices.retrieve(str(draft.id))
    assert (paid.status, paid.amount_paid) == ("paid", 900)
    [line] = shop.client.v1.invoices.line_items.list(str(draft.id)).data
    assert line.description == "A mug"
    [payment] = shop.client.v1.invoice_payments.list({"invoice": str(draft.id)}).data
    assert (payment.status, payment.amount_paid) == ("paid", 900)


def test_a_draft_by_hand_can_be_edited_and_deleted(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({})
    shop.client.v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
    draft = shop.client.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    calls = shop.client.v1.invoices

    assert calls.update(str(draft.id), {"description": "Mugs"}).description == "Mugs"
    assert calls.delete(str(draft.id)).deleted
    assert shop.client.v1.invoice_items.list().data == []
    assert calls.list({"customer": customer.id}).data == []


def test_another_card_can_pay_one_invoice(shop: Shop) -> None:
    subscription = shop.subscribe(card=FAILS_LATER)
    shop.stripe.advance(by=timedelta(days=31))
    late = shop.invoice_of(shop.subscription(subscription.id))
    calls = shop.client.v1.invoices
    [found] = calls.list({"subscription": subscription.id, "status": "open"}).data
    assert found.id == late.id

    calls.pay(str(late.id), {"payment_method": "pm_card_visa"})

    assert shop.subscription(subscription.id).status == "active"


def test_a_subscription_can_be_previewed_before_it_exists(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"balance": -500})

    preview = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription_details": {"items": [{"price": shop.prices["team_month"]}]},
        }
    )

    assert (preview.total, preview.amount_due) == (2000, 1500)
    assert shop.client.v1.subscriptions.list().data == []


def test_a_later_change_can_be_previewed_with_the_renewal(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    items = shop.items(subscription.id, "business_month")

    mixed = shop.preview(subscription.id, items=items)
    plain = shop.preview(subscription.id, items=items, proration_behavior="none")

    assert (mixed.amount_due, plain.amount_due) == (11_000, 8000)


def test_items_come_and_go(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.advance(by=timedelta(days=15))
    update = shop.client.v1.subscriptions.update
    [old] = subscription["items"].data

    more = update(subscription.id, {"items": [{"price": shop.prices["business_month"]}]})
    assert len(more["items"].data) == 2
    fewer = update(subscription.id, {"items": [{"id": old.id, "deleted": True}]})

    [left] = fewer["items"].data
    assert left.price.id == shop.prices["business_month"]
    waiting = shop.client.v1.invoice_items.list({"pending": True}).data
    assert [item.amount for item in waiting] == [-1000, 4000]
    listed = shop.client.v1.subscription_items.list({"subscription": subscription.id})
    assert [item.id for item in listed.data] == [left.id]


def test_classic_billing_credits_todays_price(shop: Shop) -> None:
    subscription = shop.subscribe(subscription_data={"billing_mode": {"type": "classic"}})
    shop.change(subscription.id, "business_month", proration_behavior="none")
    shop.stripe.advance(by=timedelta(days=15))

    changed: Any = shop.change(subscription.id, "team_month")

    assert changed.latest_invoice.total == 1000 - 4000  # 80 a month were never billed


def test_fields_without_money_are_simply_set(shop: Shop) -> None:
    subscription = shop.subscribe()
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    update = shop.client.v1.subscriptions.update

    update(subscription.id, {"discounts": [{"coupon": coupon.id}], "description": "Half price"})
    assert shop.preview(subscription.id).amount_due == 1000
    update(subscription.id, {"discounts": "", "cancel_at": shop.at() + 86_400})
    assert shop.preview(subscription.id, cancel_at_period_end=False).amount_due == 2000
    shop.stripe.advance(by=timedelta(days=1))

    assert shop.subscription(subscription.id).status == "canceled"


def test_subscriptions_can_be_listed_by_state_and_price(shop: Shop) -> None:
    gone, _ = shop.subscribe(), shop.subscribe("business_month")
    shop.client.v1.subscriptions.cancel(gone.id)
    listed = shop.client.v1.subscriptions.list

    assert [one.id for one in listed({"status": "ended"}).data] == [gone.id]
    assert [one.id for one in listed({"status": "canceled"}).data] == [gone.id]
    assert len(listed({"price": shop.prices["business_month"]}).data) == 1


def test_the_portal_can_be_configured_and_leads_back(shop: Shop) -> None:
    calls = shop.client.v1.billing_portal
    made = calls.configurations.create(
        {"features": {"payment_method_update": {"enabled": True}}, "metadata": {"by": "setup"}}
    )
    changed = calls.configurations.update(
        made.id, {"features": {"invoice_history": {"enabled": True}}}
    )
    assert changed.features.payment_method_update.enabled
    assert changed.features.invoice_history.enabled
    assert [one.id for one in calls.configurations.list({"is_default": True}).data] == [made.id]
    subscription = shop.subscribe()

    session = calls.sessions.create(
        {
            "customer": str(subscription.customer),
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "http://shop.test/card-changed"},
                },
            },
        }
    )

    page = press(session.url, "save", card="5555555555554444")
    assert page.location == "http://shop.test/card-changed"


def test_money_can_be_listed_and_lists_unfold(shop: Shop) -> None:
    subscription = shop.subscribe()
    customer = str(subscription.customer)
    calls = shop.client.v1

    [intent] = calls.payment_intents.list({"customer": customer}).data
    [charge] = calls.charges.list({"payment_intent": intent.id}).data
    refund = calls.refunds.create({"charge": charge.id, "amount": 100})
    full: Any = calls.customers.retrieve(customer, {"expand": ["subscriptions"]})

    assert [one.id for one in calls.refunds.list({"charge": charge.id}).data] == [refund.id]
    assert [one.id for one in full.subscriptions.data] == [subscription.id]


def test_a_direct_subscription_can_insist_on_payment(shop: Shop) -> None:
    customer = shop.client.v1.customers.create(
        {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )

    made = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": shop.prices["team_month"], "quantity": 2}],
            "payment_behavior": "error_if_incomplete",
        }
    )

    assert (made.status, shop.paid()) == ("active", [4000])
