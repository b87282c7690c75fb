"""Giving back months without a ping, through a Stripe that fails at every point."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.domain.pausing import months_later
from earlywatch.errands import acts, fair_use, offers
from earlywatch.models import PaidMonth
from tests.billing import Shop, team
from tests.builders import make_monitor, make_ping

DAY = timedelta(days=1)


def balance(shop: Shop) -> int:
    """What Stripe keeps for the customer, in cents; negative: we owe them."""
    return int(shop.stripe.get(shop.row.customer_id)["balance"])


def a_month_later(shop: Shop) -> None:
    """Let the first month end, its renewal be paid, and us hear of it."""
    begin = shop.row.period_start
    assert begin is not None
    shop.wait(months_later(begin, 1) + DAY / 2 - shop.now)


def test_a_month_without_a_ping_becomes_a_credit_and_the_next_one_is_cheaper(shop: Shop) -> None:
    shop.subscribe(team())
    a_month_later(shop)

    assert fair_use.give_back(shop.now) == 1
    assert fair_use.give_back(shop.now) == 0

    assert balance(shop) == shop.row.balance == -2_000
    assert [mail.kind for mail in shop.mails("fair_use")] == ["fair_use"]
    assert ("fair_use", "Earlywatch") in shop.history()
    next_payment = dict(shop.mails("fair_use")[0].letter["rows"])["Next payment"]
    assert next_payment.startswith("$0.00 on ")
    paid = shop.paid()
    a_month_later(shop)
    assert shop.paid() == paid


def test_a_month_with_a_ping_is_kept(shop: Shop) -> None:
    shop.subscribe(team())
    at = shop.now + DAY
    monitor = make_monitor(shop.session, shop.workspace, last_ping_at=at)
    make_ping(shop.session, monitor, now=at)
    a_month_later(shop)

    assert fair_use.give_back(shop.now) == 0
    assert balance(shop) == 0


def test_a_credit_whose_answer_was_lost_is_given_once(shop: Shop) -> None:
    shop.subscribe(team())
    a_month_later(shop)

    with shop.stripe.fail_after_effect(10):
        assert fair_use.give_back(shop.now) == 0
    shop.go_to(shop.now + 2 * DAY)  # by now Stripe has forgotten the key

    assert fair_use.give_back(shop.now) == 1
    assert balance(shop) == -2_000


def test_a_process_that_dies_after_the_credit_gives_it_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe(team())
    a_month_later(shop)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("earlywatch.services.fair_use.record", die)
        with pytest.raises(KeyboardInterrupt):
            fair_use.give_back(shop.now)
    assert balance(shop) == -2_000
    shop.go_to(shop.now + 2 * DAY)

    assert fair_use.give_back(shop.now) == 1
    assert balance(shop) == -2_000
    assert len(shop.mails("fair_use")) == 1


def test_while_stripe_is_away_the_credit_waits(shop: Shop) -> None:
    shop.subscribe(team())
    a_month_later(shop)

    with shop.stripe.down():
        assert fair_use.give_back(shop.now) == 0
    assert shop.mails("fair_use") == []

    assert fair_use.give_back(shop.now) == 1
    assert balance(shop) == -2_000


def test_the_last_month_of_a_cancelled_plan_comes_back_to_the_card(shop: Shop) -> None:
    shop.subscribe(team())
    acts.cancel_at_end(shop.workspace.id, "owner@example.org", uuid4(), [], shop.now)
    a_month_later(shop)
    assert shop.row.status == "canceled"

    assert fair_use.give_back(shop.now) == 1
    assert fair_use.give_back(shop.now) == 0

    assert shop.paid() == 0
    assert shop.mails("refunded") == []
    [mail] = shop.mails("fair_use")
    assert mail.letter["subject"].startswith("Refund of $20.00")


def test_what_was_paused_is_not_given_back_twice(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    credit = offers.pause(shop.workspace.id, shop.now).credit.cents
    acts.pause(shop.workspace.id, "owner@example.org", uuid4(), None, [], credit, shop.now)
    shop.settle()

    fair_use.give_back(shop.now)

    [month] = shop.session.query(PaidMonth).all()
    assert month.cents + credit == 2_000
