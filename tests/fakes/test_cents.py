"""Whatever a customer does, the money adds up: what was paid is what was used, to the cent."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.conftest import connect
from tests.fakes.shop import NOW, Shop
from tests.fakes.stripe import FakeStripe, Rules

PRICES = ("team_month", "team_year", "business_month")
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(min_value=1, max_value=45 * 86_400)),
    st.tuples(st.just("change"), st.sampled_from(PRICES)),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("resume"), st.none()),
)


class Customer:
    """Somebody with one subscription, and what the time it ran was worth (in cents)."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.id = shop.subscribe("team_month").id
        self.used = Fraction(0)

    @property
    def now(self) -> Any:
        """The subscription as it is."""
        return self.shop.subscription(self.id)

    def wait(self, seconds: int) -> None:
        """Let time pass, from renewal to renewal."""
        end = self.shop.at() + seconds
        while (moment := self.shop.at()) < end:
            subscription = self.now
            [item] = subscription["items"].data
            paused = subscription.status == "paused"
            until = end if paused else min(end, item.current_period_end)
            if not paused:
                self.used += self._worth(item, until - moment)
            self.shop.stripe.advance(by=timedelta(seconds=until - moment))

    def change(self, price: str) -> None:
        """Move to another plan, prorated at once."""
        self.shop.change(self.id, price)

    def pause(self, _nothing: None) -> None:
        """Pause, if that is possible."""
        if self.now.status == "active":
            self.shop.client.v1.subscriptions.pause(self.id)

    def resume(self, _nothing: None) -> None:
        """Come back, if paused."""
        if self.now.status == "paused":
            self.shop.client.v1.subscriptions.resume(
                self.id, {"payment_behavior": "resume_on_payment_success"}
            )

    def ahead(self) -> Fraction:
        """What is paid for and still to come."""
        subscription = self.now
        [item] = subscription["items"].data
        if subscription.status == "paused":
            return Fraction(0)
        return self._worth(item, item.current_period_end - self.shop.at())

    def given(self) -> int:
        """What the customer has given, less the credit that is kept."""
        customer = self.shop.stripe.all("customer")[0]
        waiting = [item["amount"] for item in self.shop.stripe.all("invoiceitem", invoice=None)]
        return int(sum([*self.shop.paid(), *waiting, customer["balance"]]))

    @staticmethod
    def _worth(item: Any, seconds: int) -> Fraction:
        length = item.current_period_end - item.current_period_start
        return Fraction(item.price.unit_amount * seconds, length)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=10))
def test_what_was_paid_is_what_was_used(steps: list[tuple[str, Any]]) -> None:
    with FakeStripe(NOW, rules=Rules(hours_as_draft=0)) as stripe:
        shop = Shop(stripe, connect(stripe))
        shop.stock()
        customer = Customer(shop)
        for name, argument in steps:
            getattr(customer, name)(argument)

        stripe.advance(by=timedelta(0))
        difference = customer.given() - customer.used - customer.ahead()

        assert abs(difference) <= len(steps)  # each step rounds by at most a cent
