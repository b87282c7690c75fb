"""Our copy is set from Stripe, so it ends the same whatever became of the events."""

from datetime import timedelta
from uuid import uuid4

import pytest

from earlywatch.clients.stripe_shapes import StripeAway
from earlywatch.errands import acts, sync
from earlywatch.errands.sync import STRANGER
from earlywatch.models.billing import ActionKind
from earlywatch.services import billing_actions, subscriptions
from earlywatch.services.billing_actions import Pressed
from earlywatch.services.wiring import wiring
from tests.billing import SUPPORTER, Shop, team
from tests.billing_builders import make_subscription
from tests.builders import make_workspace
from tests.errands.test_changing import change
from tests.statements import statements

DAY = timedelta(days=1)


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "delay"])
def test_events_that_come_twice_in_disorder_or_late_end_in_the_same_state(
    shop: Shop, fault: str
) -> None:
    setattr(shop.stripe.faults, fault, True)

    shop.subscribe()
    change(shop, team())
    shop.wait(40 * DAY)

    assert (shop.row.status, shop.row.plan, shop.plan) == ("active", "team", "team")
    kinds = [kind for kind, _ in shop.history()]
    assert (kinds.count("started"), kinds.count("changed"), kinds.count("charged")) == (1, 1, 3)
    assert len(shop.mails("receipt")) == 3


def test_lost_events_are_repaired_by_the_nightly_comparison(shop: Shop) -> None:
    end = shop.subscribe().period_end
    assert end
    shop.stripe.faults.lose = True
    shop.wait(end - shop.now + DAY)
    assert shop.row.period_end == end

    found = sync.reconcile(shop.now)

    assert (found.looked, found.repaired, found.away) == (1, 1, 0)
    assert shop.row.period_end != end
    assert sync.reconcile(shop.now).repaired == 0


def test_an_answer_that_was_asked_for_earlier_never_overwrites_a_later_one(shop: Shop) -> None:
    shop.subscribe()
    early = subscriptions.ask(shop.session, shop.workspace.id)
    door = wiring().stripe
    assert early
    assert door
    seen_early = door.see_customer(early.customer_id)
    change(shop, team())

    said = subscriptions.write(shop.session, early, seen_early, shop.now)

    assert "newer" in said
    assert shop.row.plan == "team"


def test_a_stranger_is_left_alone(shop: Shop) -> None:
    assert sync.sync_customer("cus_of_somebody_else", shop.now) == STRANGER


def test_while_stripe_is_away_the_comparison_leaves_our_copy_alone(shop: Shop) -> None:
    shop.subscribe()

    with shop.stripe.down():
        found = sync.reconcile(shop.now)
        with pytest.raises(StripeAway):
            sync.sync(shop.workspace.id, shop.now)

    assert (found.looked, found.repaired, found.away) == (1, 0, 1)
    assert (shop.row.status, shop.plan) == ("active", "supporter")


def test_after_the_end_one_can_subscribe_again(shop: Shop) -> None:
    shop.subscribe(team())
    acts.cancel_at_end(shop.workspace.id, "owner@example.org", uuid4(), (), shop.now)
    shop.wait(32 * DAY)
    assert shop.plan == "free"

    shop.subscribe(SUPPORTER)

    assert (shop.row.status, shop.row.plan, shop.plan) == ("active", "supporter", "supporter")
    assert [kind for kind, _ in shop.history()].count("started") == 2


def test_a_look_that_finds_nothing_new_writes_no_copy_of_an_invoice(shop: Shop) -> None:
    shop.subscribe(team())
    shop.wait(100 * DAY)

    with statements(shop.session, ("INSERT", "SELECT")) as ran:
        assert shop.look() == subscriptions.UNCHANGED

    assert len(shop.stripe.all("invoice")) == 4
    assert not [each for each in ran if "INSERT INTO invoice" in each]
    assert len([each for each in ran if "FROM invoice" in each]) == 1


def test_the_comparison_leaves_out_who_cannot_have_changed(shop: Shop) -> None:
    session, now = shop.session, shop.now
    never = make_workspace(session)
    make_subscription(session, never, stripe_id=None, status="none", plan=None)
    ended, lately, active = (make_workspace(session) for _ in range(3))
    make_subscription(session, ended, status="canceled", ended_at=now - 31 * DAY)
    make_subscription(session, lately, status="canceled", ended_at=now - 29 * DAY)
    make_subscription(session, active)

    def to_compare() -> set[int]:
        return set(subscriptions.to_compare(session, now, None, 0, 10))

    assert to_compare() == {lately.id, active.id}
    for each in (never, ended):
        pressed = Pressed(uuid4(), each.id, "a@example.org", ActionKind.SUBSCRIBE, {})
        billing_actions.press(session, pressed, now)
    assert to_compare() == {never.id, ended.id, lately.id, active.id}


def test_a_comparison_goes_on_behind_the_last_one_and_skips_what_was_looked_at(shop: Shop) -> None:
    session, now = shop.session, shop.now
    ids = [make_subscription(session).workspace_id for _ in range(3)]
    make_subscription(session, synced_at=now + DAY)

    assert list(subscriptions.to_compare(session, now, now, 0, 2)) == ids[:2]
    assert list(subscriptions.to_compare(session, now, now, ids[1], 2)) == ids[2:]
