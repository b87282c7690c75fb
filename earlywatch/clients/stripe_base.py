"""The connection to Stripe, and its errors in our words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from earlywatch.clients.stripe_reading import PREFIX, read_preview
from earlywatch.clients.stripe_shapes import (
    CardDeclined,
    Preview,
    StripeAway,
    StripeRefused,
    SubscriptionSeen,
    Tariff,
)
from earlywatch.domain.plans import PLANS

logger = logging.getLogger(__name__)

TIMEOUT = (3.05, 20.0)  # seconds to connect, and between two pieces of an answer
RETRIES = 1  # with the same idempotency key; a person waits
AWAY = "Stripe, which takes our payments, could not be reached. Try again in a few minutes."
REFUSED = "Stripe did not accept this. Nothing has changed, and we have been told."
UNKNOWN = "Stripe does not know this. Nothing has changed."
# Answers that say no more than: there is none. People send junk, things end.
EXPECTED = {"invoice_upcoming_none", "resource_missing"}
DECLINED = {
    "authentication_required": "The bank wants you to confirm this payment.",
    "expired_card": "The card has expired.",
    "insufficient_funds": "The card has not enough money.",
}


class StripeBase:
    """A client with its own key, address and time-outs; nothing global."""

    def __init__(self, secret_key: str, api_base: str, *, tax: bool, promotions: bool) -> None:
        self.client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
        )
        self.v1 = self.client.v1
        self.tax = tax
        self.promotions = promotions
        self._prices: dict[str, str] = {}  # ids by lookup key; they never change
        self._strangers: set[str] = set()  # subscriptions to something else, told of once

    def priced(self, tariff: Tariff) -> dict[str, Any]:
        """Return the price of a tariff, as items of a subscription or a checkout want it."""
        if PLANS[tariff.plan].chooses_amount:
            return {
                "price_data": {
                    "currency": tariff.price.currency,
                    "product": f"{PREFIX}{tariff.plan}",
                    "recurring": {"interval": tariff.every.value},
                    "tax_behavior": "inclusive",
                    "unit_amount": tariff.price.cents,
                }
            }
        return {"price": self._price_id(f"{PREFIX}{tariff.plan}_{tariff.every}")}

    def item(self, seen: SubscriptionSeen, tariff: Tariff) -> dict[str, Any]:
        """Return what changes a subscription's one item."""
        return {"id": seen.item_id, **self.priced(tariff)}

    def preview(self, params: Any) -> Preview:
        """Return what an invoice would say; nothing changes."""
        with in_our_words():
            return read_preview(self.v1.invoices.create_preview(params))

    def _price_id(self, key: str) -> str:
        if key not in self._prices:
            with in_our_words():
                found = self.v1.prices.list({"lookup_keys": [key], "active": True}).data
            if not found:
                logger.error("price missing at Stripe", extra={"lookup_key": key})
                raise StripeRefused("This plan cannot be bought yet: the operator must run setup.")
            self._prices[key] = found[0].id
        return self._prices[key]


def once(key: str) -> Any:
    """Return the options of a call that takes effect once, however often it is made."""
    return {"idempotency_key": key}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except stripe.CardError as error:
        said = DECLINED.get(error.code or "", "The bank declined the card.")
        raise CardDeclined(said, error.code) from error
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        logger.warning("stripe is away", extra={"error": type(error).__name__})
        raise StripeAway(AWAY) from error
    except stripe.StripeError as error:
        fields = {"error": type(error).__name__, "code": error.code, "param": _param(error)}
        if error.code in EXPECTED:
            logger.warning("stripe knows none", extra=fields)
            raise StripeRefused(UNKNOWN, error.code) from error
        logger.exception("stripe refused", extra=fields)
        raise StripeRefused(REFUSED, error.code) from error


def _param(error: stripe.StripeError) -> str | None:
    found: str | None = getattr(error, "param", None)
    return found
