"""Somebody who buys a plan in a browser; everything they press is counted."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from playwright.sync_api import Locator, expect
from sqlalchemy import select

from earlywatch.db import transaction
from earlywatch.domain.plans import PlanName
from earlywatch.domain.schedule import Interval
from earlywatch.models import Account, Monitor, Workspace
from tests.builders import make_account, make_monitor, make_workspace
from tests.e2e.browser import Tab
from tests.e2e.store import Store

WORKING = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
DECLINED_LATER = "4000 0000 0000 0341"
ASKS_BANK = "4000 0025 0000 3155"

Name = str | re.Pattern[str]
PAY = re.compile(r"^Pay \$[\d.]+")
TEAM = "Subscribe to Team by the month"
YEAR = timedelta(days=365)
FARTHEST = 80  # presses of Tab


@dataclass
class Customer:
    """A person at a shop, with a tab of their own. `clicks` is how often they pressed so far."""

    store: Store
    tab: Tab
    email: str = "carol@example.org"
    clicks: int = 0

    def __post_init__(self) -> None:
        self.page = self.tab.page

    def click(self, target: Locator) -> None:
        """Press something."""
        self.clicks += 1
        target.click()

    def press(self, name: Name, role: Any = "button") -> None:
        """Press the button of this name, or the link, of the page itself."""
        self.click(self.found(name, role))

    def found(self, name: Name, role: Any = "button") -> Locator:
        """Return the only button or link of the page itself that has this name."""
        return self.page.get_by_role("main").get_by_role(role, name=name, exact=True)

    @contextmanager
    def pressing_at_most(self, count: int) -> Iterator[None]:
        """Fail if what is done meanwhile takes more clicks."""
        before = self.clicks
        yield
        assert self.clicks - before <= count, f"{self.clicks - before} clicks"

    def opens(self, path: str) -> None:
        """Go to a page of the site."""
        self.page.goto(self.store.url + path)

    def sees(self, words: str) -> None:
        """Wait until the heading says so."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(words)

    def heading(self, words: str) -> Locator:
        """Return a heading that says so."""
        return self.page.get_by_role("heading", name=words, level=1)

    def reads(self, words: str) -> None:
        """Wait until the page says so, wherever."""
        expect(self.page.get_by_role("main")).to_contain_text(words)

    def join(self) -> None:
        """Sign up, and confirm the address from the mailbox."""
        self.tab.sign_up(self.email)
        self.store.settle()
        self.tab.confirm(self.email)

    def register(self, monitors: int = 0) -> None:
        """Have an account on Free, and be signed in."""
        with self.store.app.app_context(), transaction() as session:
            make_workspace(session, make_account(session, self.email), plan=PlanName.FREE)
        self.enter()
        self.add_monitors(monitors)

    def enter(self) -> None:
        """Be signed in, without typing a password."""
        with self.store.app.app_context(), transaction() as session:
            account = session.scalars(select(Account).filter_by(email=self.email)).one()
        self.store.let_in(self.page.context, account)

    def add_monitors(self, count: int) -> None:
        """Have so many monitors that are up; those with the lowest numbers pinged last."""
        now = self.store.now
        with self.store.app.app_context(), transaction() as session:
            workspace = session.scalars(select(Workspace)).one()
            first = 1 + session.query(Monitor).count()
            for number in range(first, first + count):
                make_monitor(
                    session,
                    workspace,
                    f"job {number:02}",
                    schedule=Interval(YEAR),
                    status="up",
                    last_ping_at=now - timedelta(minutes=number),
                    expected_at=now + YEAR,
                    deadline_at=now + YEAR,
                    now=now,
                )

    def choose_amount(self, dollars: str) -> None:
        """On the pricing page, want to be a supporter for so much."""
        field = self.page.get_by_label("Amount in US dollars a month")
        self.click(field)
        field.fill(dollars)
        self.press("Subscribe for this amount")

    def pay(self, card: str = WORKING, button: Name = PAY) -> None:
        """Fill in the card on a page of Stripe's, and press its button."""
        field = self.page.get_by_label("Card number")
        if field.input_value() != card:
            self.click(field)
            field.fill(card)
        self.press(button)

    def have_team(self, card: str = WORKING) -> None:
        """Subscribe to Team, and let us hear of it."""
        self.opens("/pricing")
        self.press(TEAM)
        self.pay(card)
        self.sees("You have Team now")
        self.store.settle()

    def pause(self, length: str = "3 months") -> None:
        """From the billing page, pause."""
        self.press("Pause", "link")
        self.press(re.compile(f"^(Pause for )?{length}"))

    def use_card(self, card: str) -> None:
        """Have another card from now on."""
        self.press("Change card", "link")
        self.pay(card, "Save card")
        expect(self.page).to_have_url(f"{self.store.url}/billing")
        self.store.settle()
        self.page.reload()

    def reach(self, name: Name, role: Any = "button", key: str = "Tab") -> None:
        """Go with the keyboard to a button, link or box of the page."""
        target = self.found(name, role)
        for _ in range(FARTHEST):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{key} does not reach {name}")

    def figure(self, name: Name) -> int:
        """Return the cents that the name of a button promises."""
        return cents(self.found(name).inner_text())


def cents(words: str) -> int:
    """Return the only amount in `words`, "$7.00", in cents."""
    [amount] = re.findall(r"\$([\d,]+\.\d\d)", words)
    return int(amount.replace(",", "").replace(".", ""))
