"""A fake Stripe for each test, with a shop on it."""

from collections.abc import Iterator

import pytest
from stripe import StripeClient

from tests.fakes.shop import NOW, Shop
from tests.fakes.stripe import FakeStripe


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    """A Stripe whose clock stands until it is moved; webhooks go nowhere."""
    with FakeStripe(now=NOW) as fake:
        yield fake


@pytest.fixture
def client(stripe: FakeStripe) -> StripeClient:
    """The real SDK, which does not try again by itself."""
    return connect(stripe)


@pytest.fixture
def shop(stripe: FakeStripe, client: StripeClient) -> Shop:
    """A shop with its catalogue."""
    shop = Shop(stripe, client)
    shop.stock()
    return shop


def connect(stripe: FakeStripe, retries: int = 0) -> StripeClient:
    """Return a client of the fake."""
    return StripeClient(
        "sk_test_earlywatch", base_addresses={"api": stripe.url}, max_network_retries=retries
    )
