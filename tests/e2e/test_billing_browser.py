"""A subscription from its first day to its last, in a browser; what is pressed is counted."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import Tab, visiting
from tests.e2e.customer import Customer
from tests.e2e.store import Store

DAY = timedelta(days=1)
SOON = timedelta(seconds=30)  # until the page asks Stripe anew
CANCEL_NOW = re.compile(r"^Cancel now, \$[\d.]+ back$")


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_customer_comes_changes_pauses_resumes_and_leaves(
    store: Store, browser: Browser, scripts: bool
) -> None:
    def visit(follow: Callable[[Tab], None]) -> None:
        options = {"inspected": False, "java_script_enabled": scripts}
        with visiting(browser, store.url, **options) as tab:
            follow(tab)

    visit(lambda tab: come_and_pause(Customer(store, tab), scripts))
    store.go_to(store.now + 83 * DAY)  # seven days before the pause ends
    store.settle()
    paid = store.moved()
    visit(lambda tab: extend_by_mail(Customer(store, tab)))
    assert store.moved() == paid
    visit(lambda tab: resume_and_leave(Customer(store, tab)))


def come_and_pause(carol: Customer, scripts: bool) -> None:
    """Sign up, subscribe for $7, change to Team ten days later, pause after another five."""
    store = carol.store
    carol.join()
    carol.opens("/billing")
    carol.sees("You have Free, and pay nothing")
    carol.press("See the plans", "link")
    subscribe(carol, scripts)
    carol.add_monitors(24)

    store.go_to(store.now + 10 * DAY)
    carol.opens("/billing")
    carol.sees("You pay $7.00 a month for Supporter")
    change_to_team(carol)

    store.go_to(store.now + 5 * DAY)
    pause(carol, scripts)


def subscribe(carol: Customer, scripts: bool) -> None:
    """Pay while our site cannot reach Stripe; the page turns once it can."""
    with carol.pressing_at_most(4):
        carol.choose_amount("7")
        with carol.store.stripe.down():
            carol.pay()
            carol.sees("Waiting for Stripe")
    carol.store.go_to(carol.store.now + SOON)
    if scripts:
        carol.page.evaluate("window.isStillThatPage = true")
    else:
        carol.press("Look again", "link")
    carol.sees("You are a Supporter now")
    assert not scripts or carol.page.evaluate("window.isStillThatPage")
    assert carol.store.moved() == [700]


def change_to_team(carol: Customer) -> None:
    carol.press("Change", "link")
    carol.press("Change to Team by the month", "link")
    carol.sees("Change to Team")
    carol.reads("Charged now$8.66")  # 20 of 30 days, of $20.00 less $7.00
    carol.press("Pay $8.66 and change")
    carol.sees("You pay $20.00 a month for Team")
    assert carol.store.moved() == [700, 866]


def pause(carol: Customer, scripts: bool) -> None:
    """Pause for three months; the first job is frozen in the place of the last one."""
    store, page = carol.store, carol.page
    carol.opens("/billing")
    frozen, choices = ["job 01", "job 21", "job 22", "job 23"], 2
    with carol.pressing_at_most(2 + choices):
        carol.press("Pause", "link")
        carol.reads("$10.00 for what is paid and unused")
        carol.click(page.get_by_label("job 01"))
        carol.click(page.get_by_label("job 24"))
        if scripts:  # the names follow the ticks
            expect(page.locator(".frozen-names li:visible")).to_have_text(frozen)
        carol.press(re.compile("^Pause for 3 months"))
    carol.sees("Team is paused until 5 Mar 2027")
    store.settle()
    assert store.frozen() == frozen
    carol.tab.read_mail(carol.email, "Team is paused: 4 monitors are no longer watched")
    listed = page.frame_locator("iframe").get_by_role("listitem")
    expect(listed).to_have_text(frozen)


def extend_by_mail(stranger: Customer) -> None:
    """Follow the reminder's link in a browser where nobody has signed in."""
    store = stranger.store
    stranger.tab.read_mail(stranger.email, "Team resumes on 5 Mar 2027: $10.00 is charged")
    stranger.tab.follow("Extend the pause")
    stranger.press(re.compile("^Extend by 1 month"))
    stranger.sees("Done")
    stranger.reads("The pause lasts until 5 Apr 2027 now.")
    stranger.opens("/billing")
    expect(stranger.page).to_have_url(re.compile("/sign-in"))
    store.go_to(store.now + 20 * DAY)  # the end that it had is over
    store.settle()


def resume_and_leave(carol: Customer) -> None:
    store = carol.store
    carol.tab.sign_in(carol.email)
    carol.opens("/billing")
    carol.sees("Team is paused until 5 Apr 2027")
    with carol.pressing_at_most(2):
        carol.press("Resume", "link")
        carol.press("Pay $10.00 and resume")
    carol.sees("You pay $20.00 a month for Team")
    assert store.frozen() == []
    assert store.moved() == [700, 866, 1000]

    store.go_to(store.now + 10 * DAY)
    store.settle()
    carol.opens("/billing")
    with carol.pressing_at_most(2):
        carol.press("Cancel", "link")
        promised = carol.figure(CANCEL_NOW)
        carol.press(CANCEL_NOW)
    carol.sees("You have Free, and pay nothing")
    refunds = [-moved for moved in store.moved() if moved < 0]
    assert sum(refunds) == promised
    store.settle()
    words = f"Team is cancelled: ${promised / 100:.2f} refunded"
    carol.tab.read_mail(carol.email, words)


def test_a_cancellation_at_the_end_can_be_undone(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register()
        carol.have_team()

        carol.opens("/billing")
        with carol.pressing_at_most(2):
            carol.press("Cancel", "link")
            carol.press("Cancel on 20 Dec 2026")
        carol.sees("Team ends on 20 Dec 2026")
        carol.reads("nothing more is charged")
        with carol.pressing_at_most(2):
            carol.press("Undo: keep Team", "link")
            carol.press("Keep Team")
        carol.sees("You pay $20.00 a month for Team")
        carol.press("Cancel", "link")
        carol.press("Cancel on 20 Dec 2026")
        store.go_to(store.now + 31 * DAY)
        store.settle()

        carol.tab.page.reload()
        assert store.moved() == [2000]
        assert store.stripe.all("subscription")[0]["status"] == "canceled"


def test_the_keyboard_is_enough_to_pause(store: Store, browser: Browser) -> None:
    with visiting(browser, store.url, inspected=False) as tab:
        carol = Customer(store, tab)
        carol.register(monitors=21)
        carol.have_team()
        carol.opens("/billing")
        before = carol.clicks

        carol.reach("Pause", "link")
        carol.page.keyboard.press("Enter")
        carol.sees("Pause Team")
        for box in (re.compile("^job 20"), re.compile("^job 21")):
            carol.reach(box, "checkbox")
            carol.page.keyboard.press("Space")
        carol.reach(re.compile("^Pause for 6 months"), key="Shift+Tab")
        carol.page.keyboard.press("Enter")

        carol.sees("Team is paused until 20 May 2027")
        assert carol.clicks == before
        assert store.frozen() == ["job 20"]
