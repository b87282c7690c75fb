"""Cards that are declined, banks that ask, a Stripe that is away, and buttons pressed twice."""

import re
from datetime import timedelta

from playwright.sync_api import Browser, expect

from tests.e2e.browser import visiting
from tests.e2e.customer import ASKS_BANK, DECLINED, DECLINED_LATER, PAY, TEAM, Customer, Name
from tests.e2e.store import Store
from tests.waiting import wait_until

HALF_A_MONTH = timedelta(days=15)
RESUME = "Pay $10.00 and resume"


def test_a_card_declined_at_checkout_changes_nothing(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register()
        carol.opens("/pricing")
        carol.press(TEAM)
        carol.pay(DECLINED)

        carol.reads("Your card was declined.")
        carol.press("Back", "link")
        carol.sees("Plans and prices")
        carol.opens("/billing")
        carol.sees("You have Free, and pay nothing")
        assert store.moved() == []


def test_a_card_declined_at_resuming_leaves_everything_paused(
    store: Store, browser: Browser
) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register(monitors=21)
        be_paused(carol)
        carol.use_card(DECLINED_LATER)

        carol.press("Resume", "link")
        carol.press(RESUME)

        carol.reads("The payment has not gone through.")
        carol.sees("Team is paused until you come back")
        assert store.moved() == [2000]
        assert store.frozen() == ["job 21"]


def test_a_payment_that_the_bank_asks_about_is_confirmed_at_stripe(
    store: Store, browser: Browser
) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register(monitors=21)
        be_paused(carol)
        carol.use_card(ASKS_BANK)
        carol.press("Resume", "link")
        carol.press(RESUME)
        carol.reads("The payment has not gone through.")
        carol.press("Resume", "link")
        assert carol.figure(PAY) == 1000

        carol.press(re.compile("^Pay on Stripe"), "link")
        carol.press(PAY)
        carol.press("Confirm at your bank")
        carol.reads("This invoice is paid.")
        store.settle()
        carol.opens("/billing")

        carol.sees("You pay $20.00 a month for Team")
        assert store.moved() == [2000, 1000]
        assert store.frozen() == []


def test_what_was_chosen_is_kept_while_stripe_is_away(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register(monitors=21)
        carol.have_team()
        carol.opens("/billing")
        carol.press("Pause", "link")
        carol.click(tab.page.get_by_label("job 01"))
        carol.click(tab.page.get_by_label("job 21"))

        with store.stripe.down():
            carol.press(re.compile("^Pause for 3 months"))
            carol.sees("Stripe cannot be reached")
            carol.reads("Nothing has changed")
            assert store.bill.status == "active"
        carol.press("Try again")

        carol.sees("Team is paused until 20 Feb 2027")
        assert store.frozen() == ["job 01"]


def test_pages_with_figures_of_stripe_say_that_it_is_away(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register()
        carol.have_team()

        for path in ("pause", "cancel", "change?plan=business", "card"):
            with store.stripe.down():
                carol.opens(f"/billing/{path}")
                carol.sees("Stripe cannot be reached")
            carol.press("Try again", "link")
            expect(tab.page.get_by_role("heading", level=1)).not_to_contain_text("Stripe cannot")


def test_a_pause_that_is_pressed_twice_is_one(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register()
        carol.have_team()
        carol.opens("/billing")
        carol.press("Pause", "link")

        press_twice(carol, re.compile("^Pause for 3 months"), "/billing/pause")

        tab.reload_until(carol.heading("Team is paused until 20 Feb 2027"))
        store.settle()
        paused = [event for event in store.stripe.all("event") if event["type"].endswith("paused")]
        assert len(paused) == 1


def test_a_payment_that_is_pressed_twice_is_one(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register()
        carol.have_team()
        store.go_to(store.now + HALF_A_MONTH)
        carol.opens("/billing/change?plan=business")
        due = carol.figure(PAY)

        press_twice(carol, PAY, "/billing/change")

        tab.reload_until(carol.heading("You pay $80.00 a month for Business"))
        store.settle()
        assert store.moved() == [2000, due]


def be_paused(carol: Customer) -> None:
    """Have Team, with a credit of $10.00 that waits for the resumption."""
    carol.have_team()
    carol.store.go_to(carol.store.now + HALF_A_MONTH)
    carol.opens("/billing")
    with carol.pressing_at_most(2):
        carol.press("Pause", "link")
        carol.press(re.compile("^Until I come back"))
    carol.sees("Team is paused")


def press_twice(carol: Customer, name: Name, path: str) -> None:
    """Press a button again while its first request is still under way."""
    sent, box = carol.store.door.sent, carol.found(name).bounding_box()
    assert box
    before = sent.count(path)
    with carol.store.stripe.hang(0.3):
        for presses in (1, 2):  # by the mouse itself: playwright would wait for the next page
            carol.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            arrived = before + presses
            wait_until(lambda: sent.count(path) == arrived, 20, f"request {presses}")  # noqa: B023
        # Not `wait_for_url`, which fails when the first request is dropped for the second one.
        expect(carol.page).to_have_url(f"{carol.store.url}/billing")
