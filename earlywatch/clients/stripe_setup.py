"""What a Stripe account needs before plans can be sold; made once, and checked ever after."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stripe

from earlywatch.clients.stripe_base import AWAY, StripeBase
from earlywatch.clients.stripe_events import HANDLED
from earlywatch.clients.stripe_reading import PREFIX, id_of
from earlywatch.clients.stripe_shapes import StripeAway, StripeRefused
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FOR_SALE, Every, Plan

MISSING = "resource_missing"
MARK = {"earlywatch": "portal"}  # finds our portal configuration among an account's
# Cancelling and pausing are done on our pages, where the refund and the credit are exact.
FEATURES: Any = {
    "payment_method_update": {"enabled": True},
    "invoice_history": {"enabled": True},
    "subscription_cancel": {"enabled": False},
}


@dataclass(frozen=True)
class Setup:
    """What was done, in sentences; none if everything was there."""

    changes: tuple[str, ...]
    secret: str | None = None  # of an endpoint that was made just now; Stripe tells it once


def set_up(door: StripeBase, webhook_url: str | None) -> Setup:
    """Make what is missing, and change what differs. Raises StripeAway or StripeRefused.

    `webhook_url` is None where Stripe could not reach us.
    """
    with _in_operators_words():
        changes = [*_products(door), *_prices(door), *_portal(door)]
        secret = None
        if webhook_url:
            said, secret = _endpoint(door, webhook_url)
            changes += said
        return Setup(tuple(changes), secret)


def find_portal(door: StripeBase) -> Any:
    """Return our portal configuration, or None before the setup."""
    listed = door.v1.billing_portal.configurations.list({"active": True, "limit": 100})
    ours = (each for each in listed.auto_paging_iter() if _is_ours(each))
    return next(ours, None)


def _products(door: StripeBase) -> Iterator[str]:
    for plan in FOR_SALE:
        key, name = f"{PREFIX}{plan.name}", f"Earlywatch {plan.label}"
        product = _find_product(door, key)
        if product is None:
            door.v1.products.create({"id": key, "name": name})
            yield f"Product {key}: made."
        elif product.name != name or not product.active:
            door.v1.products.update(key, {"name": name, "active": True})
            yield f"Product {key}: set to {name}, active."


def _find_product(door: StripeBase, key: str) -> Any:
    try:
        return door.v1.products.retrieve(key)
    except stripe.InvalidRequestError as error:
        if error.code != MISSING:
            raise
        return None


def _prices(door: StripeBase) -> Iterator[str]:
    for plan in FOR_SALE:
        for every, amount in plan.prices.items():
            wanted = _price(plan, every, amount)
            found = door.v1.prices.list({"lookup_keys": [wanted["lookup_key"]], "limit": 1}).data
            if found and _same_price(found[0], wanted):
                continue
            # A price never changes: whoever pays the old one goes on paying it.
            door.v1.prices.create(wanted)
            word = "moved to a new price" if found else "made"
            yield f"Price {wanted['lookup_key']}: {word}, {amount.words} a {every}."


def _price(plan: Plan, every: Every, amount: Money) -> Any:
    return {
        "product": f"{PREFIX}{plan.name}",
        "unit_amount": amount.cents,
        "currency": amount.currency,
        "recurring": {"interval": every.value},
        "tax_behavior": "inclusive",
        "lookup_key": f"{PREFIX}{plan.name}_{every}",
        "transfer_lookup_key": True,
    }


def _same_price(price: Any, wanted: Any) -> bool:
    names = ("unit_amount", "currency", "tax_behavior")
    return (
        price.active
        and id_of(price.product) == wanted["product"]
        and price.recurring is not None
        and price.recurring.interval == wanted["recurring"]["interval"]
        and all(getattr(price, name) == wanted[name] for name in names)
    )


def _portal(door: StripeBase) -> Iterator[str]:
    found = find_portal(door)
    if found is None:
        door.v1.billing_portal.configurations.create({"features": FEATURES, "metadata": MARK})
        yield "Portal: made, for changing the card and for invoices."
    elif any(found.features[name].enabled != each["enabled"] for name, each in FEATURES.items()):
        door.v1.billing_portal.configurations.update(found.id, {"features": FEATURES})
        yield "Portal: set to changing the card and to invoices."


def _endpoint(door: StripeBase, url: str) -> tuple[list[str], str | None]:
    events: Any = sorted(HANDLED)
    listed = door.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
    found = next((each for each in listed if each.url == url), None)
    if found is None:
        version: Any = stripe.api_version
        made = door.v1.webhook_endpoints.create(
            {"url": url, "enabled_events": events, "api_version": version}
        )
        return [f"Webhook {url}: made, for {len(events)} kinds of events."], made.secret
    if sorted(found.enabled_events) == events and found.status == "enabled":
        return [], None
    door.v1.webhook_endpoints.update(found.id, {"enabled_events": events, "disabled": False})
    return [f"Webhook {url}: set to {len(events)} kinds of events, enabled."], None


def _is_ours(configuration: Any) -> bool:
    metadata = configuration.metadata
    return bool(metadata) and MARK.items() <= metadata.to_dict().items()


@contextmanager
def _in_operators_words() -> Iterator[None]:
    """Say what Stripe said: whoever runs the setup can do something about it."""
    try:
        yield
    except stripe.AuthenticationError:
        raise StripeRefused("Stripe does not know the key in STRIPE_SECRET_KEY.") from None
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise StripeAway(AWAY) from error
    except stripe.StripeError as error:
        raise StripeRefused(f"Stripe refused: {error.user_message or error}") from error
