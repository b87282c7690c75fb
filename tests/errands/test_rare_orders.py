"""Rare orders of events, each of which once cost somebody money or let a promise slip."""

from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import StripeAway, Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.plans import Every, PlanName
from earlywatch.errands import acts, offers, sync
from earlywatch.errands.acting import FOLLOWS, UnderWay
from earlywatch.errands.offers import NotPossible
from earlywatch.models import BillingAction
from earlywatch.services.wiring import wiring
from tests.billing import DECLINED, SUPPORTER, Shop, team
from tests.errands.presses import Fading
from tests.errands.test_cancelling import OWNER, cancel_now
from tests.errands.test_changing import change
from tests.errands.test_pausing import pause, resume
from tests.fakes.stripe.outages import Outages

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def supporter(cents: int) -> Tariff:
    return Tariff(PlanName.SUPPORTER, Every.MONTH, Money(cents))


def balance(shop: Shop) -> int:
    """What Stripe keeps for the customer, in cents; negative: we owe them."""
    return int(shop.stripe.get(shop.row.customer_id)["balance"])


def second_checkout(shop: Shop) -> str:
    """Return a page for Team that was opened in another tab before."""
    door = wiring().stripe
    assert door
    back = ("http://localhost/", "http://localhost/")
    url = door.open_checkout(shop.row.customer_id, shop.workspace.id, team(), back, "k").url
    assert url
    return url


def just_renewed(shop: Shop) -> None:
    """Let a period begin whose invoice is a draft still."""
    end = shop.subscribe(team()).period_end
    assert end
    shop.wait(end - shop.now + 10 * MINUTE)


def test_cancelling_after_a_resumption_that_failed_gives_the_credit_back(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)
    with pytest.raises(NotPossible):
        resume(shop)
    assert shop.row.pause_credit == 1_000

    cancel_now(shop)

    assert shop.paid() == 1_000
    assert balance(shop) == 0


def test_cancelling_gives_back_the_balance_that_an_unpaid_renewal_has_taken(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(24 * DAY)
    change(shop, SUPPORTER)
    assert balance(shop) == -260
    shop.use_card(DECLINED)
    shop.wait(7 * DAY)
    assert (shop.row.status, balance(shop)) == ("past_due", 0)

    cancel_now(shop)

    assert shop.paid() == 2_000 - 260
    assert balance(shop) == 0


def test_a_debt_that_a_refund_was_reduced_by_is_not_asked_for_again(shop: Shop) -> None:
    shop.subscribe(supporter(500))
    change(shop, supporter(540))
    assert balance(shop) == 40  # too small to be charged alone

    cancel_now(shop)

    assert shop.paid() == 0
    assert balance(shop) == 0


def test_while_a_new_period_is_being_charged_the_plan_cannot_be_changed(shop: Shop) -> None:
    just_renewed(shop)

    with pytest.raises(NotPossible, match="in an hour"):
        offers.change(shop.workspace.id, SUPPORTER, shop.now)
    shop.wait(timedelta(hours=1))

    assert change(shop, SUPPORTER).startswith("Changed to Supporter")


@pytest.mark.parametrize("of", ["/finalize", "/void"])
def test_a_pause_in_the_hour_of_a_renewal_is_carried_through(shop: Shop, of: str) -> None:
    just_renewed(shop)

    shop.stripe.outages = Fading(calls=1, of=of)
    said = pause(shop, None)
    shop.stripe.outages = Outages()
    assert (said, shop.row.status) == (FOLLOWS, "active")
    shop.wait(10 * MINUTE)

    assert (shop.row.status, shop.row.pause_credit) == ("paused", 0)
    assert [each["status"] for each in shop.stripe.all("invoice")] == ["void", "paid"]
    assert shop.paid() == 2_000


def test_a_cancellation_that_is_pressed_again_gives_back_once(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    shop.stripe.outages = looking = Fading(calls=100)
    refund = offers.cancel(shop.workspace.id, shop.now).refund.cents
    shop.stripe.outages = Fading(calls=100 - looking.calls)  # planned, and then not done
    with pytest.raises(StripeAway):
        acts.cancel_now(shop.workspace.id, OWNER, uuid4(), (), refund, shop.now)
    shop.stripe.outages = Outages()
    [planned] = shop.session.query(BillingAction).filter_by(kind="cancel_now")
    assert planned.details["refunds"]

    for _ in range(12):
        shop.wait(MINUTE)
        with suppress(UnderWay, NotPossible):
            cancel_now(shop)

    assert shop.row.status == "canceled"
    assert shop.paid() == 1_067  # the sixteenth day has begun
    assert len(shop.mails("cancelled")) == 1


@pytest.mark.parametrize("at_end", [True, False])
def test_what_an_ended_plan_asked_for_cannot_be_paid_any_more(shop: Shop, at_end: bool) -> None:
    shop.subscribe(team())
    shop.wait(24 * DAY)
    change(shop, SUPPORTER)
    shop.use_card(DECLINED)
    shop.wait(8 * DAY)
    if at_end:
        acts.cancel_at_end(shop.workspace.id, OWNER, uuid4(), (), shop.now)
    shop.wait(30 * DAY)

    assert shop.row.status == "canceled"
    assert shop.stripe.all("invoice", status="open") == []
    assert balance(shop) == -260


def test_the_end_of_a_plan_is_told_though_a_second_one_was_given_back(shop: Shop) -> None:
    first = shop.subscribe(card=DECLINED).stripe_id
    shop.pay(second_checkout(shop))
    shop.settle()
    shop.use_card(DECLINED)

    shop.wait(50 * DAY)

    assert (shop.row.stripe_id, shop.row.status, shop.row.plan) == (first, "canceled", "supporter")
    assert len(shop.mails("ended")) == 1


@pytest.mark.parametrize("only", ["/subscriptions/", "/refunds"])
def test_a_cancellation_is_carried_through_though_another_plan_was_bought(
    shop: Shop, only: str
) -> None:
    shop.subscribe(team())
    change(shop, SUPPORTER)
    assert balance(shop) == -1_300
    with shop.stripe.fail_after_effect(9, only=only):
        try:
            cancel_now(shop)
        except StripeAway:
            begun = False
        else:
            begun = True
        shop.settle()
        shop.pay(shop.checkout(supporter(500)))
        shop.settle()

    shop.wait(10 * MINUTE)

    assert begun == (only == "/refunds")
    assert (shop.row.status, shop.row.amount) == ("active", 500)
    assert shop.paid() + balance(shop) == 500
    assert len(shop.mails("cancelled")) == 1


@pytest.mark.parametrize("calls", range(4))
def test_a_checkout_that_stripe_does_not_open_is_an_outage_wherever_it_begins(
    shop: Shop, calls: int
) -> None:
    shop.stripe.outages = Fading(calls=calls)

    with pytest.raises(StripeAway):
        shop.checkout(team())


def test_a_refund_never_comes_from_what_a_second_subscription_took(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    shop.pay(second_checkout(shop))
    cancel_now(shop)

    shop.wait(2 * DAY)

    assert {each["status"] for each in shop.stripe.all("subscription")} == {"canceled"}
    assert shop.paid() == 1_000
    assert balance(shop) == 0


def test_the_credit_that_a_second_subscription_used_comes_back(shop: Shop) -> None:
    shop.subscribe(team())
    change(shop, SUPPORTER)
    assert balance(shop) == -1_300

    shop.pay(second_checkout(shop))
    shop.settle()

    assert shop.paid() == 2_000
    assert balance(shop) == -1_300


def test_a_resumption_is_never_said_to_have_failed_when_it_was_paid(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)

    shop.stripe.outages = Fading(calls=1, of="/resume")
    with pytest.raises(StripeAway):
        resume(shop)
    shop.stripe.outages = Outages()
    shop.wait(10 * MINUTE)

    assert shop.row.status == "active"
    assert shop.paid() == 3_000
    assert len(shop.mails("resumed")) == 1


def test_a_change_is_never_said_to_be_done_while_its_payment_waits(shop: Shop) -> None:
    shop.subscribe()
    shop.use_card(DECLINED)

    shop.stripe.outages = Fading(calls=1, of="/subscriptions/")
    with pytest.raises(StripeAway):
        change(shop, team())
    shop.stripe.outages = Outages()
    shop.wait(10 * MINUTE)

    assert shop.row.plan == "supporter"
    assert shop.row.payment_url
    assert shop.paid() == 700


def test_what_was_paid_while_we_were_away_for_long_is_found_by_the_nightly_comparison(
    shop: Shop,
) -> None:
    shop.subscribe()
    cancel_now(shop)
    shop.wait(40 * DAY)
    shop.stripe.faults.lose = True
    shop.pay(shop.checkout(team()))

    shop.go_to(shop.now + 19 * DAY)
    found = sync.reconcile(shop.now)

    assert found.repaired == 1
    assert (shop.row.status, shop.plan) == ("active", "team")
