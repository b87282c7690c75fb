"""The card that is shown, changed and charged is one and the same."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from earlywatch.errands import acts
from earlywatch.services.wiring import wiring
from tests.billing import CARD, DECLINED, Shop, team

MASTERCARD = "5555555555554444"
DAY = timedelta(days=1)


def charged_cards(shop: Shop) -> list[str]:
    """The last digits of the cards that paid, oldest first."""
    charges = shop.stripe.all("charge", paid=True)[::-1]
    return [charge["payment_method_details"]["card"]["last4"] for charge in charges]


def shown(shop: Shop) -> str:
    """The last digits of the card on the billing page."""
    assert shop.row.card
    return str(shop.row.card["last4"])


def test_the_card_that_was_changed_is_the_one_that_is_charged(shop: Shop) -> None:
    shop.subscribe(team())

    shop.use_card(MASTERCARD)
    assert shown(shop) == "4444"
    shop.wait(32 * DAY)

    assert charged_cards(shop) == ["4242", "4444"]


def test_a_payment_that_failed_is_made_with_the_new_card(shop: Shop) -> None:
    shop.subscribe(team(), DECLINED)
    shop.wait(31 * DAY)
    assert shop.row.status == "past_due"

    shop.use_card(MASTERCARD)
    shop.wait(4 * DAY)

    assert shop.row.status == "active"
    assert charged_cards(shop)[-1] == "4444"


def test_who_subscribes_again_pays_with_the_card_of_then(shop: Shop) -> None:
    shop.subscribe(team())
    acts.cancel_at_end(shop.workspace.id, "owner@example.org", uuid4(), (), shop.now)
    shop.wait(32 * DAY)

    shop.subscribe(team(), MASTERCARD)
    assert shown(shop) == "4444"
    shop.wait(32 * DAY)

    assert charged_cards(shop) == ["4242", "4444", "4444"]


def test_the_card_of_a_plan_that_has_ended_is_not_shown(shop: Shop) -> None:
    first = shop.subscribe(team())
    door = wiring().stripe
    assert door
    assert first.stripe_id
    old: Any = shop.stripe.get(first.customer_id)["invoice_settings"]["default_payment_method"]
    door.v1.subscriptions.update(first.stripe_id, {"default_payment_method": old})
    door.cancel(first.stripe_id)

    shop.use_card(MASTERCARD)

    assert shown(shop) == "4444"


def test_an_outage_leaves_the_card_to_the_next_look(shop: Shop) -> None:
    shop.pay(shop.checkout(team()), CARD)
    with shop.stripe.fail_after_effect(9, only="/subscriptions/"):
        shop.settle()
    shop.use_card(MASTERCARD)
    shop.look()
    shop.wait(32 * DAY)

    assert shown(shop) == "4444"
    assert charged_cards(shop) == ["4242", "4444"]
