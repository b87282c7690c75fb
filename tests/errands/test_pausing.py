"""Pausing stops charges and credits unused time; resuming charges only once it succeeds."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.domain.pausing import months_later
from earlywatch.errands import acts, offers
from earlywatch.errands.acting import FigureChanged
from earlywatch.errands.offers import NotPossible
from earlywatch.models.monitor import Monitor
from tests.billing import DECLINED, Shop, team
from tests.builders import make_monitor

DAY = timedelta(days=1)


def pause(shop: Shop, months: int | None = 3, watch: tuple[int, ...] = ()) -> str:
    offer = offers.pause(shop.workspace.id, shop.now)
    until = months_later(shop.now, months) if months else None
    return acts.pause(
        shop.workspace.id, "owner@example.org", uuid4(), until, watch, offer.credit.cents, shop.now
    )


def resume(shop: Shop) -> str:
    due = offers.resume(shop.workspace.id, shop.now).due
    return acts.resume(shop.workspace.id, "owner@example.org", uuid4(), due.cents, shop.now)


def test_a_pause_credits_the_unused_time_and_charges_nothing(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)

    said = pause(shop)
    shop.wait(60 * DAY)

    assert "Nothing is charged" in said
    assert (shop.row.status, shop.plan) == ("paused", "free")
    assert shop.row.pause_credit == 1_000
    assert shop.paid() == 2_000


def test_resuming_uses_the_credit_and_begins_a_new_period(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.wait(40 * DAY)

    assert offers.resume(shop.workspace.id, shop.now).due.cents == 1_000
    resume(shop)

    assert (shop.row.status, shop.plan) == ("active", "team")
    assert shop.row.period_start == shop.now
    assert shop.paid() == 3_000


def test_a_pause_ends_by_itself_after_two_reminders(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(10 * DAY)
    pause(shop, 1)
    until = shop.row.pause_until
    assert until is not None

    shop.wait(until - shop.now - timedelta(hours=1))
    reminded = [mail.kind for mail in shop.mails() if mail.kind.startswith("resume_")]
    paid_before = shop.paid()
    shop.wait(timedelta(hours=13))

    assert reminded == ["resume_7_days", "resume_1_day"]
    assert paid_before == 2_000
    assert shop.row.status == "active"
    assert shop.paid() > paid_before


def test_no_charge_comes_before_a_reminder_that_is_a_day_old(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 1)
    until = shop.row.pause_until
    assert until is not None

    shop.go_to(until + timedelta(hours=3))  # we were away for a month
    shop.settle()
    assert shop.row.status == "paused"
    shop.wait(timedelta(hours=12))
    assert shop.row.status == "paused"
    shop.wait(timedelta(hours=13))

    assert shop.row.status == "active"


def test_a_payment_that_fails_leaves_the_plan_paused(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)

    with pytest.raises(NotPossible, match="stays paused"):
        resume(shop)

    assert (shop.row.status, shop.plan) == ("paused", "free")
    assert shop.paid() == 2_000
    assert [mail.kind for mail in shop.mails("resume_failed")] == ["resume_failed"]


def test_with_another_card_a_failed_resumption_can_be_repeated(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)
    with pytest.raises(NotPossible):
        resume(shop)

    shop.use_card()
    resume(shop)

    assert (shop.row.status, shop.plan) == ("active", "team")
    assert shop.paid() == 3_000


def test_a_failed_resumption_costs_nothing_of_the_credit(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    pause(shop, None)
    shop.use_card(DECLINED)
    with pytest.raises(NotPossible):
        resume(shop)

    again = offers.resume(shop.workspace.id, shop.now)
    refund = offers.cancel(shop.workspace.id, shop.now).refund.cents

    assert (again.due.cents, again.credit.cents) == (1_000, 1_000)
    assert (refund, shop.row.pause_credit) == (1_000, 1_000)
    acts.cancel_now(shop.workspace.id, "owner@example.org", uuid4(), (), refund, shop.now)
    assert shop.paid() == 1_000


def test_what_is_beyond_free_is_frozen_and_named_in_a_mail(shop: Shop) -> None:
    monitors = twenty_five(shop)
    shop.subscribe(team())

    pause(shop, watch=tuple(monitor.id for monitor in monitors[-20:]))

    frozen = {each.name for each in monitors if refreshed(shop, each).status == "frozen"}
    [mail] = shop.mails("paused")
    assert frozen == {f"job {number}" for number in range(5)}
    assert frozen == set(mail.letter["names"])


def test_what_was_frozen_is_judged_from_the_moment_of_the_resumption(shop: Shop) -> None:
    monitors = twenty_five(shop)
    shop.subscribe(team())
    pause(shop, None, watch=tuple(monitor.id for monitor in monitors[-20:]))
    shop.wait(90 * DAY)

    resume(shop)

    frozen_before = refreshed(shop, monitors[0])
    assert frozen_before.status == "up"
    assert frozen_before.expected_at == shop.now + timedelta(seconds=10)


def test_pressing_pause_twice_has_one_effect(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)
    credit = offers.pause(shop.workspace.id, shop.now).credit.cents
    action = uuid4()

    said = {
        acts.pause(shop.workspace.id, "owner@example.org", action, None, (), credit, shop.now)
        for _ in range(2)
    }

    assert len(said) == 1
    assert [kind for kind, _ in shop.history()].count("paused") == 1


def test_a_figure_that_is_not_true_any_more_is_shown_again(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(15 * DAY)

    with pytest.raises(FigureChanged, match=r"\$10\.00 would be credited, not \$11\.11"):
        acts.pause(shop.workspace.id, "owner@example.org", uuid4(), None, (), 1_111, shop.now)

    assert shop.row.status == "active"


def test_a_pause_that_lasts_longer_moves_its_end_and_its_reminders(shop: Shop) -> None:
    shop.subscribe(team())
    pause(shop, 1)
    until = months_later(shop.now, 2)

    acts.extend(shop.workspace.id, "owner@example.org", uuid4(), until, shop.now)
    shop.wait(32 * DAY)

    assert (shop.row.status, shop.row.pause_until) == ("paused", until)
    assert not [mail for mail in shop.mails() if mail.kind.startswith("resume_")]
    assert shop.paid() == 2_000


def test_the_id_of_another_act_opens_nothing(shop: Shop) -> None:
    shop.subscribe(team())
    action = uuid4()
    acts.cancel_at_end(shop.workspace.id, "owner@example.org", action, (), shop.now)

    with pytest.raises(NotPossible, match="used elsewhere"):
        acts.keep(shop.workspace.id, "owner@example.org", action, shop.now)


def twenty_five(shop: Shop) -> list[Monitor]:
    """Monitors that are up, more than Free watches."""
    late = shop.now + timedelta(days=365)
    return [
        make_monitor(
            shop.session,
            shop.workspace,
            f"job {number}",
            status="up",
            last_ping_at=shop.now,
            last_success_at=shop.now,
            expected_at=late,
            deadline_at=late,
        )
        for number in range(25)
    ]


def refreshed(shop: Shop, monitor: Monitor) -> Monitor:
    """Return a monitor as it is stored now."""
    shop.session.refresh(monitor)
    return monitor
