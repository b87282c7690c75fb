"""A site that sells plans, and a customer of it: what tests of pages about money need."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from earlywatch.clients.stripe import Stripe
from earlywatch.errands.sync import sync
from earlywatch.models import Account, BillingAction, Subscription, Workspace
from tests.builders import NOW, make_monitor
from tests.client import Browser
from tests.fakes.stripe import FakeStripe

GOOD, LATER_REFUSED = "4242424242424242", "4000000000000341"
DAY = timedelta(days=1)
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
FORM = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)


@dataclass
class Shop:
    """The shop that `selling` opens: Stripe, one workspace, its owner, and the owner's browser."""

    stripe: FakeStripe
    door: Stripe
    session: Session
    browser: Browser
    owner: Account
    workspace: Workspace
    seen: list[TestResponse] = field(default_factory=list)

    def buy(self, plan: str = "supporter", amount: str = "7", card: str = GOOD, **more: str) -> str:
        """Subscribe and pay; return the path to which Stripe leads back."""
        there = self.to_stripe(plan, amount, **more).location
        assert there, "no way to Stripe"
        paid = requests.post(
            there, data={"card": card, "do": "pay"}, allow_redirects=False, timeout=10
        )
        return path_of(paid.headers["Location"])

    def own(self, plan: str = "supporter", amount: str = "7", **more: str) -> None:
        """Subscribe, pay, and come back."""
        answer = self.browser.get(self.buy(plan, amount, **more))
        assert "now</h1>" in answer.text, answer.text

    def to_stripe(self, plan: str, amount: str = "", **more: str) -> TestResponse:
        """Press Subscribe."""
        page = self.browser.get("/pricing")
        asked = {"plan": plan, "every": "month", "amount": amount, **more}
        data = {**carried(page), **asked}
        return self.browser.post("/billing/subscribe", data=data)

    def press(self, path: str, **data: str | list[str]) -> TestResponse:
        """Open a page with one act, and press its button, which carries `data`."""
        page = self.browser.get(path)
        assert page.status_code == 200, f"{path} answers {page.status_code}: {page.location}"
        return self.browser.post(path, data={**carried(page), **data})

    def sync(self) -> None:
        """Look at Stripe, as a webhook would make us."""
        sync(self.workspace.id, self.now)

    @property
    def now(self) -> datetime:
        """The moment that it is for Stripe and the site."""
        return self.stripe.clock.now

    @property
    def row(self) -> Subscription:
        """Our copy of the subscription."""
        return self.session.scalars(select(Subscription).execution_options(**FRESH)).one()

    @property
    def theirs(self) -> dict[str, Any]:
        """Stripe's newest subscription."""
        return dict(self.stripe.all("subscription")[0])

    @property
    def acts(self) -> list[BillingAction]:
        """What was pressed, by kind: in a test's standing clock no order of time can be seen."""
        query = select(BillingAction).order_by(BillingAction.kind)
        return list(self.session.scalars(query.execution_options(**FRESH)))

    def charged(self) -> list[int]:
        """Return what moved at Stripe, in cents: refunds are negative."""
        return [entry.cents for entry in self.stripe.ledger()]


FRESH: dict[str, Any] = {"populate_existing": True}


def carried(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the last form of the page's own that posts."""
    forms = [form for form in FORM.findall(page.text) if 'name="action_id"' in form]
    assert forms, "the page has no button about money"
    return dict(HIDDEN.findall(forms[-1]))


def path_of(url: str) -> str:
    """Return path and query of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def query_of(url: str) -> dict[str, str]:
    """Return the query of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def text_of(page: TestResponse) -> str:
    """Return a page on one line, for phrases that its template breaks."""
    return " ".join(page.text.split())


def many_monitors(selling: Shop, count: int = 23) -> list[int]:
    """Make monitors, the first with the newest ping; return their ids."""
    made = [
        make_monitor(
            selling.session,
            selling.workspace,
            f"job {number:02d}",
            status="up",
            last_ping_at=NOW - number * DAY,
            deadline_at=NOW + 400 * DAY,
        )
        for number in range(count)
    ]
    return [monitor.id for monitor in made]
