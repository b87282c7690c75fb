"""A payment that fails: factual mails, 14 days with everything on, then Free, nothing deleted."""

from datetime import timedelta

from sqlalchemy import func, select

from earlywatch.models import Monitor
from earlywatch.services import invoices
from earlywatch.services.wiring import wiring
from earlywatch.web.billing_words import Bill
from tests.billing import DECLINED, Shop, team
from tests.errands.test_pausing import twenty_five

DAY = timedelta(days=1)


def fail_to_renew(shop: Shop) -> None:
    """Let the first renewal of Team fail."""
    end = shop.subscribe(team()).period_end
    assert end
    shop.use_card(DECLINED)
    shop.wait(end - shop.now + timedelta(hours=2))


def test_a_failed_payment_leaves_everything_on_and_is_told_with_its_dates(shop: Shop) -> None:
    fail_to_renew(shop)

    assert (shop.row.status, shop.plan) == ("past_due", "team")
    [mail] = shop.mails("payment_failed")
    assert "$20.00" in str(mail.letter)


def test_each_further_attempt_that_fails_is_told_once(shop: Shop) -> None:
    fail_to_renew(shop)
    shop.wait(8 * DAY)

    attempts = shop.mails("payment_failed")
    assert len(attempts) == len({mail.about for mail in attempts}) > 1


def test_after_14_days_the_limits_of_free_apply_and_nothing_is_deleted(shop: Shop) -> None:
    twenty_five(shop)
    fail_to_renew(shop)
    shop.wait(13 * DAY)
    assert shop.plan == "team"

    shop.wait(2 * DAY)

    frozen = shop.session.scalar(
        select(func.count()).select_from(Monitor).where(Monitor.status == "frozen")
    )
    assert shop.plan == "free"
    assert frozen == 5
    assert shop.session.scalar(select(func.count()).select_from(Monitor)) == 25
    [mail] = shop.mails("ended")
    assert mail.letter["subject"] == "Team has ended: a payment stayed open"


def test_a_new_card_and_a_payment_bring_everything_back(shop: Shop) -> None:
    twenty_five(shop)
    fail_to_renew(shop)
    shop.wait(10 * DAY)
    shop.use_card()
    assert shop.row.payment_url

    shop.pay(shop.row.payment_url)
    shop.settle()

    assert (shop.row.status, shop.plan, shop.row.past_due_since) == ("active", "team", None)
    assert ("recovered", "Stripe") in shop.history()
    assert shop.paid() == 4_000


def test_the_mail_and_the_bill_say_what_is_asked_for_after_a_credit(shop: Shop) -> None:
    row = shop.subscribe(team())
    door = wiring().stripe
    assert door
    assert row.period_end
    door.credit(row.customer_id, 500, "usd", "Goodwill", "key")
    shop.use_card(DECLINED)
    shop.wait(row.period_end - shop.now + timedelta(hours=2))

    [mail] = shop.mails("payment_failed")
    found = invoices.list_invoices(shop.session, shop.workspace.id)
    assert "$15.00" in mail.letter["subject"]
    assert Bill(shop.workspace, shop.row, found, shop.now).unpaid_words == "$15.00"
