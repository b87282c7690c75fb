"""What Stripe's subscriptions were and when, read from the events that it tells nobody twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Self

from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe.state import Obj

ENDED = ("canceled", "incomplete_expired")
TELLING = {"status", "items", "cancel_at"}  # a subscription in which these changed is another
IN_SERVICE = ("active", "past_due", "unpaid")


@dataclass(frozen=True)
class Look:
    """A subscription at one moment; moments in Unix seconds, money in cents a period."""

    at: int
    id: str
    status: str
    product: str
    every: str
    cents: int
    start: int
    end: int
    ends_at: int | None
    collecting: bool
    pending: bool  # a change waits for its payment
    latest: str | None  # invoice
    reason: str | None  # why it ended

    @classmethod
    def at_the(cls, moment: int, seen: Obj) -> Self:
        """Return how a subscription looked."""
        [item] = seen["items"]["data"]
        price = item["price"]
        return cls(
            at=moment,
            id=seen["id"],
            status=seen["status"],
            product=price["product"],
            every=price["recurring"]["interval"],
            cents=price["unit_amount"] * item["quantity"],
            start=item["current_period_start"],
            end=item["current_period_end"],
            ends_at=seen["cancel_at"],
            collecting=seen["pause_collection"] is None,
            pending=seen["pending_update"] is not None,
            latest=seen["latest_invoice"],
            reason=seen["cancellation_details"]["reason"],
        )

    @property
    def serves(self) -> bool:
        """Whether time passes that is to be paid."""
        return self.status in IN_SERVICE and self.collecting

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.status not in ENDED


class Timelines:
    """All looks of all subscriptions, in the order in which they came about."""

    def __init__(self, stripe: FakeStripe) -> None:
        self._stripe = stripe
        self._read = 0
        self.looks: dict[str, list[Look]] = {}
        self.prorations = 0  # lines that Stripe rounded to a cent
        self.keys: set[str] = set()  # idempotency keys of what changed a subscription

    def read(self) -> None:
        """Add what happened since."""
        events = self._stripe.state.table("event")
        for event in islice(events.values(), self._read, None):
            seen = event["data"]["object"]
            if event["type"].startswith("customer.subscription."):
                look = Look.at_the(event["created"], seen)
                self.looks.setdefault(look.id, []).append(look)
                if TELLING.intersection(event["data"].get("previous_attributes", ())):
                    self.keys.add(str(event["request"]["idempotency_key"]))
            elif event["type"] == "invoiceitem.created":
                self.prorations += seen["proration"]
        self._read = len(events)
        for key, looks in self.looks.items():
            now = Look.at_the(looks[-1].at, self._stripe.state.get("subscription", key))
            assert now == looks[-1], "the fake changed a subscription and told nobody"

    def last(self) -> list[Look]:
        """Return how each subscription looks now, the oldest first."""
        return [looks[-1] for looks in self.looks.values()]

    def stretches(self, key: str, now: int) -> Iterator[tuple[Look, int]]:
        """Yield each look with the moment until which it held."""
        looks = self.looks[key]
        yield from ((look, later.at) for look, later in pairwise(looks) if look.at < later.at)
        if looks[-1].at < now:
            yield looks[-1], now
