"""The way to Stripe, where plans are sold."""

from earlywatch.clients.stripe import Stripe
from earlywatch.errors import NotFound
from earlywatch.services.wiring import wiring


def stripe() -> Stripe:
    """Return the door to Stripe. Raises NotFound where nothing is sold."""
    found = wiring().stripe
    if found is None:
        raise NotFound("No plans are sold here.")
    return found
