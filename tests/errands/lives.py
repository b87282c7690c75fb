"""A workspace that lives through whatever a test does to it, and what is looked at on the way."""

from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import stripe
from flask import Flask

from earlywatch.clients.stripe_shapes import StripeAway, Tariff
from earlywatch.errands import sync
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription
from earlywatch.models.workspace import Role
from earlywatch.services import plans
from earlywatch.services.wiring import wiring
from earlywatch.tasks import detection, reconcile
from tests.billing import open_shop
from tests.builders import make_account, make_member
from tests.errands.books import Books
from tests.errands.presses import Ill, Press
from tests.errands.promises import check_acts, check_copy, check_papers
from tests.errands.timelines import Timelines
from tests.errands.watchers import Watchers
from tests.undone import undone

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
MOST_ROUNDS = 12  # of our tasks while time passes
LONGEST_ROUND = DAY / 2  # unless that would be more rounds
BACK = ("http://localhost/billing/return", "http://localhost/pricing")


class Life:
    """A team of two, their monitors, their bill, and a Stripe that is not always well."""

    def __init__(self, app: Flask, ages: list[int | None]) -> None:
        """`ages` are the days since each monitor's last ping."""
        self._open = ExitStack()
        session = self._open.enter_context(undone(app))
        self.shop = shop = self._open.enter_context(open_shop(app, session))
        patch = self._open.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)  # seconds before a repeat
        mate = make_account(session, "mate@example.org")
        make_member(session, shop.workspace, mate, Role.MEMBER)
        self.times = Timelines(shop.stripe)
        self.books = Books(shop.stripe, self.times)
        self.watchers = Watchers(shop, ages)
        self.tabs: list[str] = []  # pages of Checkout that were opened and not paid
        self.behind = False  # webhooks are late, or were lost
        self._away = False  # Stripe does not answer
        plans.refresh(session, shop.workspace, shop.now)
        session.commit()

    def close(self) -> None:
        """Leave nothing behind."""
        self._open.close()

    # What there is

    @property
    def _row(self) -> Subscription | None:
        return self.shop.session.get(Subscription, self.shop.workspace.id)

    @property
    def customer(self) -> str | None:
        """Who the workspace is at Stripe."""
        return self._row.customer_id if self._row else None

    @property
    def status(self) -> str:
        """What can be done: by the state of the subscription, "cancelled" until it has ended."""
        row = self._row
        if row is None:
            return "none"
        return "cancelled" if row.status == "active" and row.ends_at else row.status

    @property
    def open_invoices(self) -> list[str]:
        """The pages of Stripe's where something can be paid."""
        found = self.shop.stripe.state.all("invoice", status="open")
        return [invoice["hosted_invoice_url"] for invoice in found]

    # What people do

    def act(self, press: Press, action: UUID | None = None) -> str | None:
        """Press some seconds later; return what was said, None if it was refused."""
        self.shop.go_to(self.shop.now + 7 * SECOND)
        said = self._press(press, action or uuid4())
        self.settle()
        return said

    def act_twice(self, press: Press) -> None:
        """Click twice: the second click changes nothing and says the same, or that it waits."""
        action = uuid4()
        said = self.act(press, action)
        before = self._what_is_at_stake()
        assert self._press(press, action) in (said, None)
        assert self._what_is_at_stake() == before
        self.settle()

    def act_while(self, ill: Ill, press: Press, patient: bool) -> None:
        """Press while Stripe is ill, and perhaps wait until all is well again."""
        self._away = True
        ill.begin(self.shop.stripe)
        self.act(press)
        if ill.minutes:
            self.wait(ill.minutes * MINUTE)
        ill.end(self.shop.stripe)
        self._away = False
        self.behind = True  # an event that could not be handled waits, up to an hour
        if patient:
            self.wait(8 * MINUTE)
            self.be_well_again()

    def _press(self, press: Press, action: UUID) -> str | None:
        before = self._what_is_at_stake()
        try:
            return press(self.shop, action)
        except StripeAway:
            return None  # it may or may not have taken effect
        except EarlywatchError:
            assert self._what_is_at_stake() == before
            return None

    def _what_is_at_stake(self) -> object:
        self.times.read()
        sums = self.books.sums()
        looks = [
            (look.id, look.status, look.cents, look.start, look.end, look.ends_at)
            for look in self.times.last()
        ]
        return looks, sums.taken, sums.asked, sums.owed

    def open_tab(self, tariff: Tariff) -> None:
        """Open a page of Checkout as a request does that another one overtakes."""
        door, workspace_id = wiring().stripe, self.shop.workspace.id
        assert door
        assert self.customer
        opened = door.open_checkout(self.customer, workspace_id, tariff, BACK, f"{uuid4()}")
        assert opened.url
        self.tabs.append(opened.url)

    def pay_page(self, url: str, card: str = "") -> None:
        """Pay on a page of Stripe's, and confirm at the bank if it asks."""
        for do in ("pay", "confirm"):
            self.shop.pay(url, card, do)
        self.settle()

    def use_card(self, card: str) -> None:
        """Change the card."""
        self.shop.use_card(card)
        self.settle()

    # What time does

    def wait(self, by: timedelta) -> None:
        """Let time pass with rounds of our tasks: half a day apart, or longer if it is much."""
        end = self.shop.now + by
        step = max(by / MOST_ROUNDS, min(by, LONGEST_ROUND))
        while self.shop.now < end:
            self.shop.go_to(min(self.shop.now + step, end))
            self.settle()

    def settle(self) -> None:
        """Let our tasks do what is due, and compare."""
        self.shop.settle()
        reconcile.reconcile_if_due()
        detection.detect_overdue()
        self.shop.session.expire_all()
        self.check()

    def be_well_again(self) -> None:
        """Let what is late arrive, and what was lost be found by the nightly comparison."""
        self.shop.stripe.faults.lose = self.shop.deaf = False
        if self.behind:
            self.shop.go_to(self.shop.now + 2 * MINUTE)  # acts are taken up once a minute
            self.shop.settle()
            sync.reconcile(self.shop.now)
        self.behind = False
        self.settle()

    def check(self) -> None:
        """Everything that must hold now; some of it only once we have heard of everything."""
        self.times.read()
        if self._row and self._row.stripe_id:
            self.books.ours.add(self._row.stripe_id)
        assert self.books.charges_while_paused() == []
        self.watchers.look()
        if self.behind or self._away:
            return
        check_copy(self.shop, self.times)
        check_papers(self.shop)
        check_acts(self.shop, self.times)
        sums = self.books.sums()
        assert abs(sums.off) <= sums.slack, sums
        assert self.books.never_asked_for() == []
        assert self.books.left_to_charge() == []
