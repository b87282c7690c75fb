"""Subscribing: what is paid at Stripe becomes ours, whatever way we hear of it."""

from uuid import uuid4

from earlywatch.errands import stripe_pages, sync
from earlywatch.services.wiring import wiring
from tests.billing import SUPPORTER, Shop, team


def test_a_paid_checkout_puts_the_plan_in_force(shop: Shop) -> None:
    row = shop.subscribe()

    assert (row.status, row.plan, row.amount) == ("active", "supporter", 700)
    assert shop.plan == "supporter"
    assert shop.paid() == 700


def test_a_checkout_that_nobody_paid_changes_nothing(shop: Shop) -> None:
    shop.checkout()
    shop.settle()

    assert shop.row.status == "none"
    assert shop.plan == "free"


def test_the_return_page_learns_the_truth_from_stripe_before_any_webhook(shop: Shop) -> None:
    shop.stripe.faults.lose = True
    back = shop.pay(shop.checkout())

    session_id = back.partition("session_id=")[2]
    assert sync.sync_checkout(shop.workspace.id, session_id, shop.now)
    assert shop.plan == "supporter"


def test_pressing_subscribe_twice_opens_one_page(shop: Shop) -> None:
    action = uuid4()
    pages = {
        stripe_pages.subscribe(shop.workspace.id, shop.owner, SUPPORTER, action, shop.now)
        for _ in range(2)
    }

    assert len(pages) == 1


def test_a_new_checkout_closes_the_one_before(shop: Shop) -> None:
    first = shop.checkout()
    shop.checkout(team())

    assert "expired" in shop.pay(first)


def test_a_second_subscription_is_ended_and_given_back(shop: Shop) -> None:
    first = shop.checkout()
    door = wiring().stripe
    assert door
    second = door.open_checkout(
        shop.row.customer_id,
        shop.workspace.id,
        team(),
        ("http://localhost/", "http://localhost/"),
        "k",
    ).url
    assert second

    shop.pay(first)
    shop.pay(second)
    shop.settle()

    assert (shop.row.status, shop.row.plan) == ("active", "supporter")
    assert shop.paid() == 700
    assert ("refunded", "Earlywatch") in shop.history()
    assert ("refund", "Earlywatch") in shop.history()


def test_a_customer_who_was_deleted_at_stripe_can_subscribe_again(shop: Shop) -> None:
    gone = shop.subscribe().customer_id
    door = wiring().stripe
    assert door
    door.v1.customers.delete(gone)
    shop.settle()
    assert (shop.row.status, shop.plan) == ("canceled", "free")

    shop.subscribe(team())

    assert shop.row.customer_id != gone
    assert (shop.row.status, shop.plan) == ("active", "team")
