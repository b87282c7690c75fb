"""Turns at Stripe: a Stripe that hangs must not hold all threads of the site."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import BoundedSemaphore
from typing import ParamSpec

from flask.typing import ResponseReturnValue

from earlywatch.clients.stripe_shapes import StripeAway
from earlywatch.db import release
from earlywatch.web.billing_desk import away
from earlywatch.web.limits import stripe_looks, stripe_presses

AT_ONCE = 4  # requests of a process that ask Stripe: fewer than half of the site's threads
PATIENCE = 1.0  # seconds until who finds no turn is told so
BUSY = "Stripe answers slowly at the moment, so it was not even asked."

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

_turns = BoundedSemaphore(AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """Ask Stripe in here. Raises StripeAway if there is no turn soon."""
    release()
    if not _turns.acquire(timeout=PATIENCE):
        raise StripeAway(BUSY)
    try:
        yield
    finally:
        _turns.release()


def asks_stripe(view: View[P]) -> View[P]:
    """Let a view ask Stripe: not too often for a person, and few at a time.

    Goes beneath the guard, and beneath `treasurer` where only these may.
    """

    @wraps(view)
    def taking_turns(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        try:
            with turn():
                return view(*args, **kwargs)
        except StripeAway as error:
            return away(error)

    limited: View[P] = stripe_looks(stripe_presses(taking_turns))
    return limited
