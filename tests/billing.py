"""A shop for tests: a workspace, a Stripe, and one clock for both of them.

`Shop.wait` lets time pass; see `tests.days`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import uuid4

import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.clock import utcnow
from earlywatch.domain.money import Money
from earlywatch.domain.plans import PLANS, Every, PlanName
from earlywatch.errands import stripe_pages, sync
from earlywatch.models import Account, BillingChange, BillingMail, Subscription, Workspace
from earlywatch.services.wiring import EXTENSION, Wiring
from tests.builders import NOW, make_account, make_workspace
from tests.days import Days
from tests.fakes.stripe import WEBHOOK_SECRET, FakeStripe, Rules

KEY = "sk_test_earlywatch"
CARD = "4242424242424242"
DECLINED = "4000000000000341"  # can be stored, and fails later
SUPPORTER = Tariff(PlanName.SUPPORTER, Every.MONTH, Money(700))


def team(every: Every = Every.MONTH) -> Tariff:
    """The list price of Team."""
    return Tariff(PlanName.TEAM, every, PLANS[PlanName.TEAM].prices[every])


class Shop(Days):
    """One workspace on Free, its owner, and Stripe as they see it."""

    def __init__(
        self,
        app: Flask,
        session: Session,
        stripe: FakeStripe,
        traveller: time_machine.Traveller,
    ) -> None:
        super().__init__(stripe, traveller)
        self.app, self.session = app, session
        self.owner: Account = make_account(session, "owner@example.org")
        self.workspace: Workspace = make_workspace(session, self.owner)
        self.workspace.plan = PlanName.FREE.value
        session.commit()

    @property
    def row(self) -> Subscription:
        """Our copy of the subscription."""
        return self.session.get_one(Subscription, self.workspace.id, populate_existing=True)

    @property
    def plan(self) -> str:
        """The plan in force."""
        self.session.refresh(self.workspace)
        return self.workspace.plan

    def subscribe(self, tariff: Tariff = SUPPORTER, card: str = CARD) -> Subscription:
        """Pay a plan on Stripe's page, and let us hear of it."""
        self.pay(self.checkout(tariff), card)
        self.settle()
        return self.row

    def checkout(self, tariff: Tariff = SUPPORTER) -> str:
        """Return the address of Stripe's page for a plan."""
        return stripe_pages.subscribe(self.workspace.id, self.owner, tariff, uuid4(), self.now)

    def pay(self, url: str, card: str = CARD, do: str = "pay") -> str:
        """Fill in a page of Stripe's; return where it leads, or the page if it stays."""
        return post_form(url, {"card": card, "do": do})

    def use_card(self, card: str = CARD) -> None:
        """Change the card on Stripe's page."""
        page = stripe_pages.portal_url(self.workspace.id, "http://localhost/billing")
        self.pay(page, card, "save")
        self.settle()

    def settle(self) -> None:
        """Let everything happen that is due; what the test holds is read anew."""
        super().settle()
        self.session.expire_all()

    def look(self) -> str:
        """Compare with Stripe now, as the nightly round does."""
        outcome = sync.sync(self.workspace.id, self.now)
        self.session.expire_all()
        return outcome

    def mails(self, kind: str = "") -> list[BillingMail]:
        """What people were told, oldest first."""
        query = select(BillingMail).order_by(BillingMail.id)
        if kind:
            query = query.where(BillingMail.kind == kind)
        return list(self.session.scalars(query))

    def history(self) -> list[tuple[str, str]]:
        """What happened and who did it, oldest first."""
        lines = self.session.scalars(select(BillingChange).order_by(BillingChange.id))
        return [(line.kind, line.actor) for line in lines]

    def paid(self) -> int:
        """Return the cents that the card is down by."""
        return sum(entry.cents for entry in self.stripe.ledger(self.row.customer_id))


@contextmanager
def open_shop(
    app: Flask, session: Session, now: datetime = NOW, rules: Rules | None = None
) -> Iterator[Shop]:
    """Open a shop at `now` (UTC); the site sells until it closes."""
    before: Wiring = app.extensions[EXTENSION]
    with (
        time_machine.travel(now, tick=False) as traveller,
        FakeStripe(
            now=now,
            webhook_url="http://localhost/webhooks/stripe",
            rules=rules,
            deliver_by_itself=False,
            signed_at=lambda: utcnow().timestamp(),
            send=lambda url, body, headers: _hand_in(app, url, body, headers),
        ) as stripe,
    ):
        selling = before.settings.model_copy(
            update={
                "stripe_secret_key": KEY,
                "stripe_webhook_secret": WEBHOOK_SECRET,
                "stripe_api_base": stripe.url,
                "operator_emails": ("ops@example.org",),
            }
        )
        door = Stripe(KEY, stripe.url, tax=False, promotions=False)
        set_up(door, None)
        app.extensions[EXTENSION] = Wiring(selling, before.links, before.doors, door)
        try:
            yield Shop(app, session, stripe, traveller)
        finally:
            app.extensions[EXTENSION] = before


def post_form(url: str, fields: dict[str, str]) -> str:
    """Send a form as a browser does; return where it leads, or the page that comes."""
    request = Request(url, urlencode(fields).encode())
    try:
        with build_opener(_Stay).open(request, timeout=30) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        with error:
            return error.headers.get("Location") or error.read().decode()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: where it leads is what the test wants to know."""


def _hand_in(app: Flask, url: str, body: bytes, headers: dict[str, str]) -> int:
    client = app.test_client()
    return client.post(urlsplit(url).path, data=body, headers=headers).status_code
