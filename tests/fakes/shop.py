"""A shop on the fake Stripe: the catalogue, and short ways to do what the tests are about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stripe import Invoice, StripeClient, Subscription

from tests.fakes.stripe import FakeStripe
from tests.fakes.visitor import WORKING, pay

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MONTH = {"interval": "month"}


@dataclass
class Shop:
    """A client of the API with prices to sell; amounts in cents."""

    stripe: FakeStripe
    client: StripeClient
    prices: dict[str, str] = field(default_factory=dict)

    def stock(self) -> None:
        """Make the products and list prices."""
        products = self.client.v1.products
        for name in ("supporter", "team", "business"):
            products.create({"id": f"earlywatch_{name}", "name": name.title()})
        for name, interval, amount in (
            ("team", "month", 2000),
            ("team", "year", 20_000),
            ("business", "month", 8000),
        ):
            key = f"earlywatch_{name}_{interval}"
            price = self.client.v1.prices.create(
                {
                    "product": f"earlywatch_{name}",
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": interval},
                    "lookup_key": key,
                    "tax_behavior": "inclusive",
                }
            )
            self.prices[f"{name}_{interval}"] = price.id

    def checkout(self, price: str = "team_month", **more: Any) -> Any:
        """Open a Checkout session for a list price."""
        params: Any = {
            "mode": "subscription",
            "line_items": [{"price": self.prices[price], "quantity": 1}],
            "success_url": "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://shop.test/back",
            **more,
        }
        return self.client.v1.checkout.sessions.create(params)

    def subscribe(
        self, price: str = "team_month", card: str = WORKING, **more: Any
    ) -> Subscription:
        """Buy a subscription on the Checkout page."""
        session = self.checkout(price, **more)
        page = pay(session.url, card)
        assert page.status == 303, page.text
        done = self.client.v1.checkout.sessions.retrieve(session.id)
        return self.subscription(str(done.subscription))

    def unite_cards(self, key: str) -> None:
        """Take the card of its checkout from a subscription: its customer's default pays then."""
        self.client.v1.subscriptions.update(key, {"default_payment_method": ""})

    def subscription(self, key: str) -> Subscription:
        """Return a subscription as it is now, with its latest invoice."""
        return self.client.v1.subscriptions.retrieve(key, {"expand": ["latest_invoice"]})

    def change(self, key: str, price: str, **more: Any) -> Subscription:
        """Move a subscription to another list price, prorated and invoiced at once."""
        params: Any = {
            "items": self.items(key, price),
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice"],
            **more,
        }
        return self.client.v1.subscriptions.update(key, params)

    def items(self, key: str, price: str) -> Any:
        """Return the parameter `items` that puts the only item on a list price."""
        [item] = self.subscription(key)["items"].data
        return [{"id": item.id, "price": self.prices[price]}]

    def preview(self, key: str, **details: Any) -> Invoice:
        """Return a preview of what `subscription_details` says."""
        params: Any = {"subscription": key}
        if details:
            params["subscription_details"] = details
        return self.client.v1.invoices.create_preview(params)

    def invoice_of(self, subscription: Subscription) -> Invoice:
        """Return the latest invoice as it is now."""
        latest = subscription.latest_invoice
        key = latest if isinstance(latest, str) else latest and latest.id
        return self.client.v1.invoices.retrieve(str(key))

    def at(self) -> int:
        """The fake's moment, in Unix seconds."""
        return self.stripe.clock()

    def paid(self) -> list[int]:
        """The cents that moved, oldest first; refunds are negative."""
        return [entry.cents for entry in self.stripe.ledger()]

    def events(self, kind: str = "") -> list[str]:
        """The types of events so far that begin with `kind`, oldest first."""
        found = [event["type"] for event in self.stripe.all("event")[::-1]]
        return [one for one in found if one.startswith(kind)]


Opener = Callable[..., Shop]
