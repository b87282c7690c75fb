"""What people press, as values that a property test can draw, and how Stripe may be ill."""

from dataclasses import dataclass
from uuid import UUID

from hypothesis import strategies as st

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.domain.money import Money
from earlywatch.domain.pausing import MONTHS, months_later
from earlywatch.domain.plans import CEILING, FLOOR, FREE, PLANS, Every, PlanName
from earlywatch.errands import acts, offers, stripe_pages
from earlywatch.services import watching
from tests.billing import CARD, DECLINED, Shop
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe.http import Request, Response
from tests.fakes.stripe.outages import Outages

BANK = "4000002500003155"  # every payment must be confirmed
OWNER = "owner@example.org"
PLACES = FREE.monitors or 0


class Press:
    """A button with what was chosen before; `action_id` comes from its form."""

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Look at the page and press. Raises what the page would show."""
        raise NotImplementedError


@dataclass(frozen=True)
class Subscribe(Press):
    """Choose a plan and pay it on Stripe's page."""

    tariff: Tariff
    card: str = CARD

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Pay, and confirm at the bank if it asks."""
        workspace = shop.workspace.id
        url = stripe_pages.subscribe(workspace, shop.owner, self.tariff, action_id, shop.now)
        shop.pay(url, self.card, "confirm" if self.card == BANK else "pay")
        return url


@dataclass(frozen=True)
class Change(Press):
    """Change plan, amount or interval."""

    tariff: Tariff

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm the figures that are shown."""
        workspace, now = shop.workspace.id, shop.now
        offer = offers.change(workspace, self.tariff, now)
        due = offer.due.cents
        return acts.change(workspace, OWNER, action_id, self.tariff, offer.at, due, now)


@dataclass(frozen=True)
class Pause(Press):
    """Pause, and choose places of the list of monitors that stay watched."""

    months: int | None
    watch: frozenset[int]

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm the credit that is shown."""
        workspace, now = shop.workspace.id, shop.now
        credit = offers.pause(workspace, now).credit.cents
        until = months_later(now, self.months) if self.months else None
        watch = chosen(shop, self.watch)
        return acts.pause(workspace, OWNER, action_id, until, watch, credit, now)


@dataclass(frozen=True)
class Extend(Press):
    """Let the pause last longer."""

    months: int | None

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Choose another end."""
        until = months_later(shop.now, self.months) if self.months else None
        return acts.extend(shop.workspace.id, OWNER, action_id, until, shop.now)


@dataclass(frozen=True)
class Resume(Press):
    """End the pause."""

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm the charge that is shown."""
        due = offers.resume(shop.workspace.id, shop.now).due.cents
        return acts.resume(shop.workspace.id, OWNER, action_id, due, shop.now)


@dataclass(frozen=True)
class CancelAtEnd(Press):
    """Let the plan end with its period."""

    watch: frozenset[int]

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm."""
        watch = chosen(shop, self.watch)
        return acts.cancel_at_end(shop.workspace.id, OWNER, action_id, watch, shop.now)


@dataclass(frozen=True)
class Keep(Press):
    """Undo the cancellation."""

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm."""
        return acts.keep(shop.workspace.id, OWNER, action_id, shop.now)


@dataclass(frozen=True)
class CancelNow(Press):
    """End the plan at once."""

    watch: frozenset[int]

    def __call__(self, shop: Shop, action_id: UUID) -> str:
        """Confirm the refund that is shown."""
        workspace, now = shop.workspace.id, shop.now
        refund = offers.cancel(workspace, now).refund.cents
        watch = chosen(shop, self.watch)
        return acts.cancel_now(workspace, OWNER, action_id, watch, refund, now)


def chosen(shop: Shop, places: frozenset[int]) -> list[int]:
    """Return the ids of the monitors at these places of the list that the page shows."""
    listed = watching.choice(shop.session, shop.workspace, FREE.monitors).monitors
    return [listed[place].id for place in sorted(places) if place < len(listed)]


@dataclass
class Fading(Outages):
    """Goes down after so many more calls, of those whose path has `of` in it."""

    calls: int = 0
    of: str = ""

    def before(self) -> tuple[bool, Response | None]:
        """Refuse the call if it is too late."""
        self.refusing = self.refusing or self.calls <= 0
        return super().before()

    def after(self, request: Request, response: Response) -> Response | None:
        """Count the call."""
        self.calls -= self.of in request.path
        return super().after(request, response)


@dataclass(frozen=True)
class Ill:
    """How Stripe is ill, and for how many minutes after the press."""

    how: str  # "down", "answers 503", "fades", "does it and answers 500", "does it and is silent"
    calls: int
    minutes: int

    def begin(self, stripe: FakeStripe) -> None:
        """Fall ill."""
        if self.how == "fades":
            stripe.outages = Fading(calls=self.calls)
        elif self.how.startswith("does it"):
            stripe.fail_after_effect(self.calls, drop=self.how.endswith("silent"))
        else:
            stripe.down(answering=self.how == "answers 503")

    def end(self, stripe: FakeStripe) -> None:
        """Be well again."""
        stripe.outages = Outages()


months = st.sampled_from(MONTHS) | st.none()
places = st.frozensets(st.integers(0, 29), max_size=PLACES)
tariffs = st.builds(
    lambda cents: Tariff(PlanName.SUPPORTER, Every.MONTH, Money(cents)),
    st.sampled_from([FLOOR, 500, 700]) | st.integers(FLOOR, CEILING),
) | st.sampled_from(
    [
        Tariff(plan, every, PLANS[plan].prices[every])
        for plan in (PlanName.TEAM, PlanName.BUSINESS)
        for every in Every
    ]
)
cards = st.sampled_from([CARD, CARD, CARD, DECLINED, BANK])
subscribing: st.SearchStrategy[Press] = st.builds(Subscribe, tariffs, cards)


def _often(*wanted: tuple[int, st.SearchStrategy[Press]]) -> st.SearchStrategy[Press]:
    """Draw from strategies, each as many times more often as its number says."""
    which = [strategy for times, strategy in wanted for _ in range(times)]
    return st.integers(0, len(which) - 1).flatmap(which.__getitem__)


change, pause = st.builds(Change, tariffs), st.builds(Pause, months, places)
cancel_at_end, cancel_now = st.builds(CancelAtEnd, places), st.builds(CancelNow, places)
resume, extend, keep = st.builds(Resume), st.builds(Extend, months), st.builds(Keep)
active = _often((6, change), (5, pause), (2, cancel_at_end), (1, keep), (2, cancel_now))
cancelled = _often((3, keep), (1, pause), (1, change), (1, cancel_now))
paused = _often((5, resume), (2, extend), (2, cancel_now))
past_due = _often((2, cancel_now), (1, cancel_at_end), (1, keep))
presses_by_status = {
    "active": active,
    "cancelled": cancelled,
    "paused": paused,
    "past_due": past_due,
}
any_press = st.one_of(subscribing, active, paused)
ills = st.builds(
    Ill,
    st.sampled_from(
        [
            "down",
            "answers 503",
            "fades",
            "fades",
            "fades",
            "does it and answers 500",
            "does it and is silent",
        ]
    ),
    st.integers(1, 26),
    st.sampled_from([0, 0, 3, 20, 120]),
)
