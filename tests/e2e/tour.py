"""Walks past every page about money, in every state of a bill.

A walk shows one page after the other, and yields a name for each as it is shown.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

from tests.e2e.customer import DECLINED_LATER, TEAM, WORKING, Customer

DAY = timedelta(days=1)
LATE = timedelta(minutes=3)  # longer than Stripe usually takes to confirm


def subscribing(carol: Customer) -> Iterator[str]:
    """Show pages from the prices to a plan that is cancelled and kept."""
    yield from _before_paying(carol)
    yield from _checkout(carol)
    yield from _paying(carol)
    yield from _ending(carol)


def pausing(carol: Customer) -> Iterator[str]:
    """Show pages from a pause over a resumption that fails to a cancellation."""
    _have_team(carol, WORKING)
    yield from _paused(carol)
    yield from _mail_links(carol)
    yield from _resuming(carol)
    yield from _cancelled(carol)


def owing(carol: Customer) -> Iterator[str]:
    """Show pages from a payment that fails to the end of the plan, and what operators see."""
    _have_team(carol, DECLINED_LATER)
    _wait(carol, 20 * DAY)
    yield from _opened(carol, billing_past_due="/billing", cancel_past_due="/billing/cancel")
    _wait(carol, 15 * DAY)
    yield from _opened(carol, billing_ended_unpaid="/billing", history_long="/billing/history")
    yield from _opened(carol, operators="/operators/events")


Walk = Callable[[Customer], Iterator[str]]
WALKS: tuple[Walk, ...] = (subscribing, pausing, owing)


def _have_team(carol: Customer, card: str) -> None:
    carol.register(monitors=12)
    carol.have_team(card)
    carol.add_monitors(12)
    carol.store.go_to(carol.store.now + 12 * DAY)
    carol.opens("/billing")


def _opened(carol: Customer, **pages: str) -> Iterator[str]:
    for name, path in pages.items():
        carol.opens(path)
        yield name.replace("_", "-")


def _before_paying(carol: Customer) -> Iterator[str]:
    yield from _opened(carol, pricing_stranger="/pricing")
    yield from _opened(carol, docs_billing="/docs/billing", docs_promises="/docs/promises")
    carol.register(monitors=12)
    yield from _opened(carol, billing_free="/billing", history_empty="/billing/history")
    yield from _opened(carol, pricing="/pricing")
    carol.choose_amount("1")
    yield "pricing-refused"


def _checkout(carol: Customer) -> Iterator[str]:
    carol.opens("/pricing")
    carol.press(TEAM)
    yield "stripe-checkout"
    with carol.store.stripe.down():
        carol.pay()
        carol.sees("Waiting for Stripe")
        yield "return-waiting"
        carol.store.go_to(carol.store.now + LATE)
        carol.sees("Stripe has not confirmed")
        yield "return-late"
    carol.store.go_to(carol.store.now + LATE)
    carol.press("Look again", "link")
    carol.sees("You have Team now")
    yield "return-paid"
    carol.add_monitors(12)
    carol.store.settle()


def _paying(carol: Customer) -> Iterator[str]:
    carol.store.go_to(carol.store.now + 12 * DAY)
    yield from _opened(carol, billing_active="/billing", change="/billing/change")
    yield from _opened(carol, change_up="/billing/change?plan=business")
    yield from _opened(carol, change_down="/billing/change?plan=supporter&amount=7")
    yield from _opened(carol, pause="/billing/pause", cancel="/billing/cancel")
    with carol.store.stripe.down():
        yield from _opened(carol, away="/billing/cancel")


def _ending(carol: Customer) -> Iterator[str]:
    carol.opens("/billing/cancel")
    carol.press(re.compile("^Cancel on"))
    carol.sees("Team ends on")
    yield "billing-ending"
    yield from _opened(carol, keep="/billing/keep", cancel_ending="/billing/cancel")
    carol.opens("/billing/keep")
    carol.press("Keep Team")
    carol.sees("You pay")


def _paused(carol: Customer) -> Iterator[str]:
    carol.pause("3 months")
    carol.sees("Team is paused")
    yield "billing-paused"
    carol.store.settle()
    yield from _opened(carol, resume="/billing/resume", extend="/billing/extend")
    yield from _opened(carol, cancel_paused="/billing/cancel", watched="/billing/watched")
    yield from _opened(carol, monitors="/monitors", export="/export")
    yield from _opened(carol, history="/billing/history", invoices="/billing/invoices")
    carol.opens("/monitors?status=frozen")
    carol.page.locator(".row-name").first.click()
    carol.page.wait_for_load_state()
    yield "monitor-frozen"


def _mail_links(carol: Customer) -> Iterator[str]:
    """Follow the links of the reminder; the first button makes them stale no sooner than it may."""
    for words, page in (
        ("Cancel the plan", "mail-cancel"),
        ("Resume now", "mail-resume"),
        ("Extend the pause", "mail-extend"),
    ):
        carol.tab.read_mail(carol.email, "Team is paused")
        if page == "mail-cancel":
            yield "mail-paused"
        carol.tab.follow(words)
        yield page
    carol.press(re.compile("^Extend by 1 month"))
    carol.sees("Done")
    yield "mail-done"
    yield from _opened(carol, mail_stale="/billing/mail/extend/stale", mailbox="/mailbox")


def _resuming(carol: Customer) -> Iterator[str]:
    carol.opens("/billing")
    carol.use_card(DECLINED_LATER)
    carol.press("Resume", "link")
    carol.press(re.compile("and resume$"))
    carol.reads("The payment has not gone through")
    yield "billing-waiting"
    yield from _opened(carol, resume_waiting="/billing/resume")
    carol.press(re.compile("^Pay on Stripe"), "link")
    yield "stripe-invoice"
    carol.opens("/billing")
    carol.use_card(WORKING)
    carol.press("Resume", "link")
    carol.press(re.compile("and resume$"))
    carol.sees("You pay $20.00")


def _cancelled(carol: Customer) -> Iterator[str]:
    carol.press("Cancel", "link")
    carol.press(re.compile("^Cancel now"))
    carol.sees("You have Free")
    yield "billing-cancelled"


def _wait(carol: Customer, by: timedelta) -> None:
    """Be away for a while, and sign in again, since that ends after 30 days."""
    carol.store.go_to(carol.store.now + by)
    carol.store.settle()
    carol.enter()
