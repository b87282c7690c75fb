"""Reminders of a pause that ends: the figure is the charge, and without it there is none."""

from datetime import timedelta
from uuid import uuid4

from earlywatch.errands import acts, offers, reminders
from tests.billing import Shop, team
from tests.selling import client_of

DAY = timedelta(days=1)
NO_ADDRESS = "\N{LATIN SMALL LETTER U WITH DIAERESIS}@"  # no mail server takes it


def pause(shop: Shop, days: int) -> None:
    """Pause from now on for so many days."""
    credit = offers.pause(shop.workspace.id, shop.now).credit.cents
    until = shop.now + days * DAY
    acts.pause(shop.workspace.id, "owner@example.org", uuid4(), until, [], credit, shop.now)
    shop.settle()


def use_address(shop: Shop, address: str) -> None:
    """Let the owner have another address."""
    shop.owner.email = address
    shop.session.commit()


def announced(shop: Shop) -> list[str]:
    """What the reminders say that the card will be charged."""
    letters = [*shop.mails("resume_7_days"), *shop.mails("resume_1_day")]
    return [dict(mail.letter["rows"])["Charged then"] for mail in letters]


def test_what_was_announced_is_what_is_charged(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    pause(shop, 60)
    before = shop.paid()

    shop.wait(59.5 * DAY)
    assert shop.paid() == before
    shop.wait(2 * DAY)

    charged = shop.paid() - before
    assert shop.row.status == "active"
    assert announced(shop) == [f"${charged / 100:.2f}"] * 2


def test_a_discount_is_part_of_what_is_announced(shop: Shop) -> None:
    shop.subscribe(team())
    v1 = client_of(shop.stripe).v1
    coupon = v1.coupons.create({"percent_off": 25, "duration": "forever"})
    subscription = shop.row.stripe_id
    assert subscription
    v1.subscriptions.update(subscription, {"discounts": [{"coupon": coupon.id}]})
    pause(shop, 30)
    before = shop.paid()

    shop.wait(32 * DAY)

    charged = shop.paid() - before
    assert announced(shop) == [f"${charged / 100:.2f}"] * 2


def test_while_stripe_is_away_reminder_and_charge_wait(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 30)
    before = shop.paid()
    shop.go_to(shop.now + 29.5 * DAY)

    with shop.stripe.down():
        assert reminders.remind(shop.now) == 0
    shop.go_to(shop.now + DAY)
    shop.settle()
    assert announced(shop) != []
    assert shop.paid() == before

    shop.wait(1.5 * DAY)

    assert shop.row.status == "active"


def test_an_extended_pause_charges_at_its_new_end(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 30)
    until = shop.row.pause_until
    assert until is not None
    before = shop.paid()
    shop.wait(29.5 * DAY)
    assert len(announced(shop)) == 2

    shop.row.pause_until = until + 30 * DAY
    shop.session.commit()
    shop.wait(29 * DAY)
    assert shop.paid() == before

    shop.wait(3 * DAY)
    assert len(announced(shop)) == 4
    assert shop.row.status == "active"


def test_a_reminder_that_nobody_took_is_sent_anew_and_operators_hear_of_it_once(
    shop: Shop,
) -> None:
    shop.subscribe(team())
    pause(shop, 30)
    before = shop.paid()

    use_address(shop, NO_ADDRESS)
    shop.wait(35 * DAY)
    assert (shop.row.status, shop.paid()) == ("paused", before)
    assert [mail.address for mail in shop.mails("reminder_undelivered")] == ["ops@example.org"]

    use_address(shop, "owner@example.org")
    shop.wait(1.5 * DAY)
    assert shop.paid() == before
    [mail] = shop.mails("resume_1_day")
    assert mail.sent_at
    shop.wait(1.5 * DAY)

    assert shop.row.status == "active"
    assert announced(shop)[-1] == f"${(shop.paid() - before) / 100:.2f}"
    assert len(shop.mails("reminder_undelivered")) == 1
