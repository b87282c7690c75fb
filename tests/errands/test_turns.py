"""Acts on one subscription take turns, and none goes on from what is not true any more."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.pausing import months_later
from earlywatch.domain.plans import Every, PlanName
from earlywatch.errands import acts, offers, upkeep
from earlywatch.errands.acting import FigureChanged, UnderWay
from earlywatch.errands.offers import NotPossible
from earlywatch.models.billing import ActionKind
from earlywatch.services import billing_actions
from earlywatch.services.billing_actions import Pressed
from earlywatch.services.wiring import wiring
from tests.billing import DECLINED, Shop, team
from tests.errands.test_pausing import pause, resume

DAY = timedelta(days=1)
OWNER = "owner@example.org"


def begin_elsewhere(shop: Shop) -> None:
    """Have somebody cancel in another window, who is not done yet."""
    pressed = Pressed(uuid4(), shop.workspace.id, "mate@example.org", ActionKind.CANCEL_AT_END, {})
    billing_actions.press(shop.session, pressed, shop.now)
    shop.session.commit()


def test_a_second_act_waits_until_the_first_is_done(shop: Shop) -> None:
    shop.subscribe(team())
    begin_elsewhere(shop)

    with pytest.raises(UnderWay, match="Something else is being done"):
        pause(shop)

    assert shop.row.status == "active"


def test_a_pause_does_not_end_while_somebody_acts(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 1)
    shop.wait(timedelta(days=29, hours=23))
    until = shop.row.pause_until
    assert until

    shop.go_to(until + timedelta(minutes=1))
    begin_elsewhere(shop)
    upkeep.end_pauses(shop.now)

    assert shop.row.status == "paused"


def test_a_pause_that_was_extended_a_moment_ago_does_not_end(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 1)
    shop.wait(timedelta(days=29, hours=23))
    acts.extend(shop.workspace.id, OWNER, uuid4(), None, shop.now)

    with pytest.raises(NotPossible, match="does not end now"):
        acts.resume(shop.workspace.id, "Earlywatch", uuid4(), None, shop.now)

    assert shop.paid() == 2_000


def test_a_resumption_that_failed_cannot_succeed_after_the_pause_was_extended(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)
    with pytest.raises(NotPossible):
        resume(shop)
    page = shop.row.payment_url
    assert page

    acts.extend(shop.workspace.id, OWNER, uuid4(), months_later(shop.now, 2), shop.now)
    shop.use_card()
    shop.pay(page)
    shop.settle()

    assert (shop.row.status, shop.row.payment_url) == ("paused", None)
    assert shop.paid() == 2_000


@pytest.mark.parametrize("age", [timedelta(minutes=16), timedelta(days=20), timedelta(days=-1)])
def test_figures_of_a_change_hold_for_a_quarter_of_an_hour(shop: Shop, age: timedelta) -> None:
    shop.subscribe(team())
    shop.wait(25 * DAY)
    business = Tariff(PlanName.BUSINESS, Every.MONTH, Money(8_000))
    at = int((shop.now - age).timestamp())

    with pytest.raises(FigureChanged, match="open for a while"):
        acts.change(shop.workspace.id, OWNER, uuid4(), business, at, 0, shop.now)

    assert shop.row.plan == "team"


def test_a_plan_that_is_cancelled_must_be_kept_before_it_is_paused(shop: Shop) -> None:
    shop.subscribe(team())
    acts.cancel_at_end(shop.workspace.id, OWNER, uuid4(), (), shop.now)

    with pytest.raises(NotPossible, match="Undo that first"):
        offers.pause(shop.workspace.id, shop.now)
    with pytest.raises(NotPossible, match="Undo that first"):
        acts.pause(shop.workspace.id, OWNER, uuid4(), None, (), 0, shop.now)


def test_a_renewal_charged_while_pause_is_pressed_is_credited(shop: Shop) -> None:
    end = shop.subscribe(team()).period_end
    assert end
    shop.wait(end - shop.now + timedelta(minutes=59, seconds=59))
    assert offers.pause(shop.workspace.id, shop.now).credit.cents == 0

    shop.stripe.hang(0.2)
    charged = threading.Timer(0.5, shop.stripe.advance, kwargs={"by": timedelta(seconds=3)})
    charged.start()
    acts.pause(shop.workspace.id, OWNER, uuid4(), None, (), 0, shop.now)
    charged.join()
    shop.stripe.up()
    shop.look()

    assert shop.row.status == "paused"
    assert shop.paid() - 2_000 == pytest.approx(shop.row.pause_credit, abs=5)


def test_a_refund_that_stripe_refuses_is_told_to_the_operators(shop: Shop) -> None:
    row = shop.subscribe(team())
    door = wiring().stripe
    assert door
    [invoice] = door.see_customer(row.customer_id).invoices
    too_much = {
        "subscription": row.stripe_id,
        "customer": row.customer_id,
        "currency": "usd",
        "refunds": {invoice.payment_ids[0]: 2_500},
        "balance": 0,
        "balance_after": 0,
    }
    pressed = Pressed(uuid4(), shop.workspace.id, OWNER, ActionKind.CANCEL_NOW, too_much)
    billing_actions.press(shop.session, pressed, shop.now)
    shop.session.commit()
    door.cancel(row.stripe_id or "")

    shop.wait(timedelta(minutes=15))

    [told] = shop.mails("refund_refused")
    assert told.address == "ops@example.org"
    assert "$25.00" in told.letter["subject"]
    assert len(shop.mails("cancelled")) == 1
    assert not billing_actions.under_way(shop.session, shop.workspace.id)
