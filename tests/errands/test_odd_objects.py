"""One odd object at Stripe stops nobody, and an expected answer is no error."""

import logging
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_reading import read_invoice
from earlywatch.clients.stripe_shapes import Preview, StripeError, StripeRefused
from earlywatch.errands import offers, sync
from earlywatch.errands.offers import NotPossible
from earlywatch.services.wiring import wiring
from tests.billing import SUPPORTER, Shop, team
from tests.errands.test_cancelling import cancel_now
from tests.errands.test_pausing import pause

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def door() -> Stripe:
    found = wiring().stripe
    assert found
    return found


def buy_something_else(shop: Shop) -> None:
    """Let the customer subscribe to another thing that this Stripe account sells."""
    v1 = door().v1
    v1.products.create({"id": "consulting", "name": "Consulting"})
    price: Any = {
        "product": "consulting",
        "currency": "usd",
        "unit_amount": 9_900,
        "recurring": {"interval": "month"},
    }
    item: Any = {"price": v1.prices.create(price).id}
    v1.subscriptions.create(
        {
            "customer": shop.row.customer_id,
            "items": [item],
            "billing_mode": {"type": "flexible"},
        }
    )
    shop.settle()


def test_a_subscription_to_something_else_is_left_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)

    buy_something_else(shop)
    shop.look()
    warned = [each for each in caplog.records if each.message == "subscription to something else"]
    cancel_now(shop)

    assert len(warned) == 1
    assert shop.paid() == 2_000 - 1_000 + 9_900
    assert [each["status"] for each in shop.stripe.all("subscription")] == ["active", "canceled"]
    assert len(shop.mails("receipt")) == 1


def test_a_next_amount_that_stripe_cannot_tell_blocks_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe(team())

    def refuse(*_: object) -> Preview:
        raise StripeRefused("No address for the tax.", "customer_tax_location_invalid")

    monkeypatch.setattr(Stripe, "preview", refuse)
    shop.look()

    assert shop.row.next_amount is None
    assert offers.cancel(shop.workspace.id, shop.now).refund.cents == 2_000


def test_a_payment_that_was_recorded_by_hand_is_skipped(shop: Shop) -> None:
    shop.subscribe(team())
    invoice: Any = shop.stripe.all("invoice")[0]
    recorded = {"type": "payment_record", "payment_record": "pr_1"}
    invoice["payments"] = {"data": [{"id": "inpay_1", "status": "paid", "payment": recorded}]}

    seen = read_invoice(sdk.Invoice.construct_from(invoice, "key"), {})

    assert (seen.payment_ids, seen.paid) == ((), 2_000)


@pytest.mark.parametrize("how", ["void", "written off"])
def test_a_renewal_that_an_operator_gives_up_does_not_block_a_change(shop: Shop, how: str) -> None:
    end = shop.subscribe(team()).period_end
    assert end
    shop.wait(end - shop.now + 10 * MINUTE)
    with pytest.raises(NotPossible, match="in an hour"):
        offers.change(shop.workspace.id, SUPPORTER, shop.now)
    v1, invoice = door().v1, shop.stripe.all("invoice")[0]["id"]
    v1.invoices.finalize_invoice(invoice, {"auto_advance": False})
    if how == "void":
        v1.invoices.void_invoice(invoice)
    else:
        v1.invoices.mark_uncollectible(invoice)
    shop.wait(10 * DAY)

    assert offers.change(shop.workspace.id, SUPPORTER, shop.now).after == SUPPORTER
    pause(shop, None)
    assert (shop.row.status, shop.row.pause_credit) == ("paused", 0)


def test_expected_answers_of_stripe_are_no_errors(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    end = shop.subscribe(team()).period_end
    assert end

    with pytest.raises(StripeError, match="does not know"):
        sync.sync_checkout(shop.workspace.id + 1, "cs_of_nobody", shop.now)
    shop.go_to(end)  # nothing of the period is left
    with pytest.raises(StripeError):
        door().preview({"subscription": "sub_of_nobody"})

    assert {each.levelno for each in caplog.records if "stripe" in each.name} == {logging.WARNING}
    assert not [each for each in caplog.records if each.exc_info]


def test_what_we_did_wrong_is_an_error_with_its_cause(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Stripe("sk_wrong", shop.stripe.url, tax=False, promotions=False)
    nonsense: Any = {"subscription": "sub_1", "nonsense": "1"}

    for ask in (lambda: stranger.has_customer("cus_1"), lambda: door().preview(nonsense)):
        with pytest.raises(StripeRefused, match="we have been told"):
            ask()

    refused = [each for each in caplog.records if each.message == "stripe refused"]
    assert [(each.levelno, bool(each.exc_info)) for each in refused] == [(logging.ERROR, True)] * 2
