"""Changing plan, amount or interval costs exactly what was shown before."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.plans import Every, PlanName
from earlywatch.errands import acts, offers
from earlywatch.errands.acting import FigureChanged
from earlywatch.errands.acts import PAYMENT_WAITS
from earlywatch.errands.offers import NotPossible
from tests.billing import DECLINED, SUPPORTER, Shop, team

DAY = timedelta(days=1)
BANK = "4000002500003155"  # every payment must be confirmed


def change(shop: Shop, tariff: Tariff) -> str:
    offer = offers.change(shop.workspace.id, tariff, shop.now)
    return acts.change(
        shop.workspace.id,
        "owner@example.org",
        uuid4(),
        tariff,
        offer.at,
        offer.due.cents,
        shop.now,
    )


def test_an_upgrade_in_the_middle_costs_half_of_the_difference(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    business = Tariff(PlanName.BUSINESS, Every.MONTH, Money(8_000))

    offer = offers.change(shop.workspace.id, business, shop.now)
    change(shop, business)

    assert offer.due == Money(3_000)
    assert [cents.cents for _, cents in offer.lines] == [-1_000, 4_000]
    assert (shop.row.plan, shop.plan) == ("business", "business")
    assert shop.paid() == 5_000


def test_a_downgrade_becomes_a_credit_for_later_invoices(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)

    offer = offers.change(shop.workspace.id, SUPPORTER, shop.now)
    change(shop, SUPPORTER)

    assert (offer.due, offer.credit) == (Money(0), Money(650))
    assert (shop.row.plan, shop.row.amount, shop.row.balance) == ("supporter", 700, -650)
    shop.wait(17 * DAY)
    assert shop.paid() == 2_050


def test_a_supporter_can_pay_another_amount(shop: Shop) -> None:
    shop.subscribe()
    more = Tariff(PlanName.SUPPORTER, Every.MONTH, Money(1_000))

    change(shop, more)

    assert shop.row.amount == 1_000
    assert shop.paid() == 1_000


def test_a_year_begins_when_it_is_chosen(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)

    change(shop, team(Every.YEAR))

    assert shop.row.every == "year"
    assert shop.row.period_start == shop.now
    assert shop.paid() == 2_000 + 20_000 - 1_000


def test_the_history_says_who_changed_what(shop: Shop) -> None:
    shop.subscribe()
    change(shop, team())

    assert ("changed", "owner@example.org") in shop.history()
    [mail] = shop.mails("changed")
    assert "Team, $20.00 a month" in str(mail.letter)


@pytest.mark.parametrize("card", [DECLINED, BANK])
def test_a_change_whose_payment_does_not_go_through_waits_and_changes_nothing(
    shop: Shop, card: str
) -> None:
    shop.subscribe()
    shop.use_card(card)

    assert change(shop, team()) == PAYMENT_WAITS
    assert (shop.row.plan, shop.plan) == ("supporter", "supporter")
    waiting = shop.row.payment_url
    assert waiting

    shop.wait(timedelta(hours=24))
    assert shop.row.plan == "supporter"
    assert shop.row.payment_url is None
    assert shop.paid() == 700


def test_a_change_takes_effect_when_its_payment_is_made_up_for(shop: Shop) -> None:
    shop.subscribe()
    shop.use_card(DECLINED)
    change(shop, team())
    assert shop.row.payment_url

    shop.use_card()
    shop.pay(shop.row.payment_url)
    shop.settle()

    assert (shop.row.plan, shop.plan) == ("team", "team")


def test_a_figure_of_yesterday_is_shown_again(shop: Shop) -> None:
    shop.subscribe()
    offer = offers.change(shop.workspace.id, team(), shop.now)

    with pytest.raises(FigureChanged):
        acts.change(
            shop.workspace.id,
            "owner@example.org",
            uuid4(),
            team(),
            offer.at,
            offer.due.cents - 100,
            shop.now,
        )

    assert shop.row.plan == "supporter"


def test_what_one_has_already_cannot_be_changed_to(shop: Shop) -> None:
    shop.subscribe()

    with pytest.raises(NotPossible, match="what you have already"):
        offers.change(shop.workspace.id, SUPPORTER, shop.now)
