"""Sites of tests that sell plans through the fake Stripe."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from stripe import StripeClient

from earlywatch.app import make_stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.domain.plans import PlanName
from earlywatch.models import Subscription, Workspace
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_account, make_workspace
from tests.events import SECRET
from tests.fakes.stripe import FakeStripe

KEY = "sk_test_earlywatch"
OPERATOR = "ops@example.org"


def sell(app: Flask, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the site sell plans through the Stripe at `url`, until the test ends."""
    wired = app.extensions[EXTENSION]
    keys = {
        "stripe_secret_key": KEY,
        "stripe_webhook_secret": SECRET,
        "stripe_api_base": url,
        "operator_emails": (OPERATOR,),
    }
    settings = wired.settings.model_copy(update=keys)
    sold = replace(wired, settings=settings, stripe=make_stripe(settings))
    monkeypatch.setitem(app.extensions, EXTENSION, sold)


def fill(app: Flask) -> None:
    """Make our products and prices in the Stripe account that the site sells through."""
    set_up(app.extensions[EXTENSION].stripe, None)


def client_of(fake: FakeStripe) -> StripeClient:
    """Return the SDK, for what a person does at Stripe itself."""
    return StripeClient(KEY, base_addresses={"api": fake.url})


def make_customer(session: Session, fake: FakeStripe) -> Subscription:
    """A workspace on Free that is known at Stripe, and has paid nothing yet."""
    workspace = make_workspace(session, make_account(session), plan=PlanName.FREE)
    given: Any = {"email": "owner@example.org", "metadata": {"workspace_id": str(workspace.id)}}
    customer = client_of(fake).v1.customers.create(given)
    session.add(Subscription(workspace_id=workspace.id, customer_id=customer.id))
    session.commit()
    return session.get_one(Subscription, workspace.id)


def buy(fake: FakeStripe, customer_id: str, price: str = "earlywatch_team_month") -> str:
    """Subscribe at Stripe with a card that works; return the subscription's id. We hear nothing."""
    v1 = client_of(fake).v1
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer_id})
    [found] = v1.prices.list({"lookup_keys": [price]}).data
    wanted: Any = {
        "customer": customer_id,
        "items": [{"price": found.id}],
        "default_payment_method": method.id,
        "billing_mode": {"type": "flexible"},
    }
    return v1.subscriptions.create(wanted).id


def fresh(session: Session, workspace_id: int) -> Workspace:
    """Return the workspace as the database has it."""
    return session.get_one(Workspace, workspace_id, populate_existing=True)


def copy_of(session: Session, workspace_id: int) -> Subscription:
    """Return our copy of its subscription as the database has it."""
    return session.get_one(Subscription, workspace_id, populate_existing=True)
