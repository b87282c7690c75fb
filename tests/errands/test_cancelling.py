"""Cancelling: at the end, undone, or now with the unused whole days back on the card."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import StripeAway
from earlywatch.domain.plans import Every
from earlywatch.errands import acts, offers
from earlywatch.errands.acting import FOLLOWS
from tests.billing import DECLINED, SUPPORTER, Shop, team
from tests.errands.test_changing import change
from tests.errands.test_pausing import pause, resume

DAY = timedelta(days=1)
OWNER = "owner@example.org"


def cancel_now(shop: Shop) -> str:
    refund = offers.cancel(shop.workspace.id, shop.now).refund
    return acts.cancel_now(shop.workspace.id, OWNER, uuid4(), (), refund.cents, shop.now)


def test_a_plan_that_is_cancelled_goes_on_to_the_end_of_its_period(shop: Shop) -> None:
    end = shop.subscribe(team()).period_end
    assert end

    acts.cancel_at_end(shop.workspace.id, OWNER, uuid4(), (), shop.now)
    assert (shop.row.ends_at, shop.plan) == (end, "team")
    shop.wait(end - shop.now + DAY)

    assert (shop.row.status, shop.plan) == ("canceled", "free")
    assert shop.paid() == 2_000


def test_a_cancellation_can_be_undone_until_its_end(shop: Shop) -> None:
    shop.subscribe(team())
    acts.cancel_at_end(shop.workspace.id, OWNER, uuid4(), (), shop.now)
    shop.wait(20 * DAY)

    acts.keep(shop.workspace.id, OWNER, uuid4(), shop.now)
    shop.wait(15 * DAY)

    assert (shop.row.status, shop.plan, shop.row.ends_at) == ("active", "team", None)
    assert shop.paid() == 4_000
    kinds = [kind for kind, _ in shop.history()]
    assert kinds.index("cancel_set") < kinds.index("kept")


def test_cancelling_now_gives_the_unused_whole_days_back_to_the_card(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY + timedelta(hours=1))

    offer = offers.cancel(shop.workspace.id, shop.now)
    said = cancel_now(shop)
    shop.settle()

    assert (offer.days, offer.refund.cents) == (19, round(2_000 * 19 / 30))
    assert offer.refund.words in said
    assert (shop.row.status, shop.plan) == ("canceled", "free")
    assert shop.paid() == 2_000 - offer.refund.cents
    [mail] = shop.mails("cancelled")
    assert offer.refund.words in str(mail.letter)


def test_a_year_cancelled_after_a_month_gives_eleven_back(shop: Shop) -> None:
    shop.subscribe(team(Every.YEAR))
    shop.wait(31 * DAY)

    cancel_now(shop)

    assert shop.paid() == 20_000 - round(20_000 * 334 / 365)


def test_after_an_upgrade_both_payments_give_back_their_part(shop: Shop) -> None:
    shop.subscribe()
    shop.wait(15 * DAY)
    change(shop, team())
    shop.wait(5 * DAY)

    cancel_now(shop)

    used = 700 * 15 / 30 + 2_000 * 5 / 30
    assert shop.paid() == pytest.approx(used, abs=1.5)


def test_after_a_downgrade_the_credit_comes_back_as_well(shop: Shop) -> None:
    shop.subscribe(team())
    change(shop, SUPPORTER)

    cancel_now(shop)

    assert shop.paid() == 0
    assert shop.row.balance == 0


def test_cancelling_while_paused_gives_the_waiting_credit_back(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, 6)
    shop.wait(40 * DAY)

    assert offers.cancel(shop.workspace.id, shop.now).ends_at is None
    cancel_now(shop)
    shop.wait(200 * DAY)

    assert shop.paid() == 1_000
    assert shop.row.status == "canceled"


def test_cancelling_soon_after_resuming_gives_all_of_the_new_period_back(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    pause(shop, None)
    shop.wait(2 * DAY)
    resume(shop)

    cancel_now(shop)

    assert shop.paid() == pytest.approx(2_000 * 10 / 30, abs=1)


def test_cancelling_with_an_open_payment_asks_for_it_no_more(shop: Shop) -> None:
    end = shop.subscribe(team()).period_end
    assert end
    shop.use_card(DECLINED)
    shop.wait(end - shop.now + DAY)
    assert shop.row.status == "past_due"

    cancel_now(shop)
    shop.use_card()
    shop.wait(30 * DAY)

    assert shop.row.status == "canceled"
    assert shop.paid() == 2_000


def test_the_rest_follows_when_stripe_goes_away_after_the_cancellation(shop: Shop) -> None:
    shop.subscribe(team())
    action, refund = uuid4(), offers.cancel(shop.workspace.id, shop.now).refund.cents

    with shop.stripe.fail_after_effect(only="/refunds"):
        said = acts.cancel_now(shop.workspace.id, OWNER, action, (), refund, shop.now)
    shop.wait(timedelta(minutes=5))

    assert said == FOLLOWS
    assert shop.paid() == 0
    assert len(shop.mails("cancelled")) == 1
    assert [kind for kind, _ in shop.history()].count("refunded") == 1


def test_a_cancellation_whose_answer_was_lost_is_carried_through(shop: Shop) -> None:
    shop.subscribe(team())
    refund = offers.cancel(shop.workspace.id, shop.now).refund.cents

    with shop.stripe.fail_after_effect(2), pytest.raises(StripeAway):
        acts.cancel_now(shop.workspace.id, OWNER, uuid4(), (), refund, shop.now)
    shop.wait(timedelta(minutes=10))

    assert shop.paid() == 0
    assert [kind for kind, _ in shop.history()].count("refunded") == 1
