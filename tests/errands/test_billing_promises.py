"""What `/docs/promises` promises about time: no charge, no price and no threat comes by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from earlywatch.clients import stripe_setup
from earlywatch.clients.stripe_setup import set_up
from earlywatch.domain.letter import Letter
from earlywatch.domain.money import Money
from earlywatch.domain.plans import GRACE, PLANS, Every, PlanName
from earlywatch.errands.door import stripe
from earlywatch.models import Monitor
from tests.billing import DECLINED, Shop, team
from tests.builders import make_monitor

MONTH = timedelta(days=32)
DEARER = replace(PLANS[PlanName.TEAM], prices={Every.MONTH: Money(2_500)})


def test_free_never_turns_into_a_charge(shop: Shop) -> None:
    shop.go_to(shop.now + 12 * MONTH)
    shop.settle()

    assert shop.plan == "free"
    assert shop.stripe.all("customer") == []
    assert shop.stripe.ledger() == []
    assert shop.mails() == []


def test_a_higher_list_price_is_for_new_subscriptions_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe(team())
    monkeypatch.setattr(stripe_setup, "FOR_SALE", (DEARER,))

    said = set_up(stripe(), None).changes
    shop.wait(MONTH)

    assert said == ("Price earlywatch_team_month: moved to a new price, $25.00 a month.",)
    assert shop.row.amount == 2_000
    assert shop.paid() == 4_000


def test_a_failed_payment_is_told_in_facts_and_deletes_nothing(shop: Shop) -> None:
    for _ in range(25):
        make_monitor(shop.session, shop.workspace, last_ping_at=shop.now, now=shop.now)
    shop.subscribe(card=DECLINED)
    shop.wait(MONTH)
    [letter] = [Letter.from_json(mail.letter) for mail in shop.mails("payment_failed")[:1]]
    said = " ".join([letter.subject, letter.first, *letter.paragraphs, *map(" ".join, letter.rows)])
    plan_in_grace = shop.plan
    shop.wait(GRACE)

    assert "$7.00" in said
    assert "nothing is deleted" in said.lower()
    assert plan_in_grace == "supporter"
    assert shop.plan == "free"
    assert shop.session.query(Monitor).count() == 25
