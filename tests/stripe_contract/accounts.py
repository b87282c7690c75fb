"""Stripe accounts that tests may fill: our stand-in, and Stripe's test mode. Each has a clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.clients.stripe_shapes import CustomerSeen, SubscriptionSeen, Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.plans import PLANS, Every, PlanName
from tests.fakes.stripe import FakeStripe

STRIPE = "https://api.stripe.com"
WORKSPACE = 7
GOOD, FAILS_LATER = "pm_card_visa", "pm_card_chargeCustomerFail"
PATIENCE, GLANCE = 300.0, 2.0  # seconds for a clock at Stripe to arrive

SUPPORTER = Tariff(PlanName.SUPPORTER, Every.MONTH, Money(700))
TEAM = Tariff(PlanName.TEAM, Every.MONTH, PLANS[PlanName.TEAM].prices[Every.MONTH])


def new_key() -> str:
    """Return an idempotency key that no run has used."""
    return str(uuid4())


class Account(Protocol):
    """A Stripe account with our products in it."""

    @property
    def door(self) -> Stripe:
        """What is tested."""

    @property
    def address(self) -> str:
        """Where its API is."""

    @property
    def now(self) -> datetime:
        """The moment (UTC) of its clock."""

    def add_customer(self) -> str:
        """Return the id of a customer who lives by the clock."""

    def advance(self, by: timedelta) -> None:
        """Move the clock; what is due by then has happened."""


@dataclass
class Buyer:
    """A customer of a test, and what was bought."""

    account: Account
    id: str

    @property
    def door(self) -> Stripe:
        """What is tested."""
        return self.account.door

    @property
    def seen(self) -> CustomerSeen:
        """The customer as we see it now."""
        return self.door.see_customer(self.id)

    @property
    def subscription(self) -> SubscriptionSeen:
        """The newest subscription as we see it now."""
        return self.seen.subscriptions[0]

    def use_card(self, name: str) -> None:
        """Let everything be paid with one of Stripe's test cards from now on."""
        method = self.door.v1.payment_methods.attach(name, {"customer": self.id})
        settings: Any = {"invoice_settings": {"default_payment_method": method.id}}
        self.door.v1.customers.update(self.id, settings)

    def subscribe(self, tariff: Tariff = SUPPORTER, mode: str = "flexible") -> SubscriptionSeen:
        """Pay a plan with the card that works, as its checkout would."""
        self.use_card(GOOD)
        params: Any = {
            "customer": self.id,
            "items": [self.door.priced(tariff)],
            "billing_mode": {"type": mode},
            "metadata": {"workspace_id": str(WORKSPACE)},
        }
        self.door.v1.subscriptions.create(params)
        return self.subscription


@dataclass
class StandIn:
    """Our own fake, with its own clock."""

    fake: FakeStripe
    door: Stripe

    @property
    def address(self) -> str:
        return self.fake.url

    @property
    def now(self) -> datetime:
        return self.fake.clock.now

    def add_customer(self) -> str:
        return self.door.create_customer("c@example.org", "c", WORKSPACE, new_key())

    def advance(self, by: timedelta) -> None:
        self.fake.advance(by=by)


@dataclass
class Real:
    """Stripe's test mode; one of its test clocks, which takes its customers along when it goes."""

    door: Stripe
    clock: str
    now: datetime
    address: str = STRIPE

    def add_customer(self) -> str:
        params: Any = {
            "email": "c@example.org",
            "metadata": {"workspace_id": str(WORKSPACE)},
            "test_clock": self.clock,
        }
        return self.door.v1.customers.create(params).id

    def advance(self, by: timedelta) -> None:
        self.now += by
        clocks = self.door.v1.test_helpers.test_clocks
        clocks.advance(self.clock, {"frozen_time": int(self.now.timestamp())})
        end = time.monotonic() + PATIENCE
        while (status := clocks.retrieve(self.clock).status) != "ready":
            assert status == "advancing", f"the clock has failed: {status}"
            assert time.monotonic() < end, "the clock did not arrive"
            time.sleep(GLANCE)


@dataclass
class TestMode:
    """A pytest plugin that carries the key of a Stripe test account."""

    __test__ = False

    key: str = field(repr=False)


@contextmanager
def stand_in() -> Iterator[Account]:
    """Open our fake, with a clock that stands until it is moved."""
    with FakeStripe(now=datetime.now(UTC)) as fake:
        door = Stripe("sk_test_earlywatch", fake.url, tax=False, promotions=False)
        set_up(door, None)
        yield StandIn(fake, door)


@contextmanager
def real(mode: TestMode) -> Iterator[Account]:
    """Open a clock at Stripe, and delete it in the end with all that lived by it."""
    door = Stripe(mode.key, STRIPE, tax=False, promotions=False)
    now = datetime.now(UTC).replace(microsecond=0)
    clocks = door.v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": int(now.timestamp()), "name": "Earlywatch's tests"}).id
    try:
        yield Real(door, clock, now)
    finally:
        clocks.delete(clock)
