"""What an act would mean, to the cent, asked of Stripe before anybody confirms it."""

from dataclasses import dataclass
from datetime import datetime

from earlywatch.clients.stripe_shapes import Card, CustomerSeen, Preview, SubscriptionSeen, Tariff
from earlywatch.db import transaction
from earlywatch.domain.money import Money
from earlywatch.domain.pausing import months_later
from earlywatch.domain.plans import LIVE, PLANS, Every, Plan
from earlywatch.domain.proration import unused_days_from, value_between
from earlywatch.errands import refunds
from earlywatch.errands.door import stripe
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription, Workspace
from earlywatch.services import invoices, subscriptions

MONTHS = {Every.MONTH: 1, Every.YEAR: 12}


class NotPossible(EarlywatchError):
    """The subscription is not in a state that allows this."""


@dataclass(frozen=True)
class Look:
    """Our copy and Stripe's of one subscription, at one moment."""

    row: Subscription
    seen: CustomerSeen
    subscription: SubscriptionSeen
    zone: str  # the workspace's, for dates in sentences

    @property
    def tariff(self) -> Tariff:
        """What is paid for it."""
        return self.subscription.tariff

    @property
    def plan(self) -> Plan:
        """Its plan."""
        return PLANS[self.tariff.plan]

    @property
    def doubled(self) -> bool:
        """Whether a second subscription was paid that we have not ended yet."""
        return sum(each.status in LIVE for each in self.seen.subscriptions) > 1

    def money(self, cents: int) -> Money:
        """Return an amount in the subscription's currency."""
        return Money(cents, self.tariff.price.currency)


@dataclass(frozen=True)
class PauseOffer:
    """Pausing now: `credit` waits for the resumption, `price` is not charged meanwhile."""

    plan: Plan
    price: Money
    every: Every
    credit: Money
    period_end: datetime


@dataclass(frozen=True)
class ResumeOffer:
    """Resuming now: `due` is charged now; `discount` and `credit` are taken off the price."""

    plan: Plan
    price: Money
    every: Every
    due: Money
    discount: Money
    credit: Money
    next_at: datetime
    card: Card | None
    payment_url: str | None


@dataclass(frozen=True)
class Resumption:
    """What resuming now takes, in cents; `discount` and `credit` are taken off the price."""

    due: int
    discount: int
    credit: int


@dataclass(frozen=True)
class CancelOffer:
    """Ending now gives `refund` back, for `days` whole days. `ends_at` None: only now works."""

    plan: Plan
    refund: Money
    days: int
    ends_at: datetime | None


@dataclass(frozen=True)
class ChangeOffer:
    """Changing now: `lines` with words and amounts, `due` now; `credit` goes to later invoices.

    `at` is the Unix time that the figures hold for.
    """

    before: Tariff
    after: Tariff
    lines: tuple[tuple[str, Money], ...]
    due: Money
    credit: Money
    next_at: datetime | None
    at: int


def look(workspace_id: int, *statuses: str) -> Look:
    """Ask Stripe about a subscription that must be in one of `statuses`. Raises NotPossible."""
    with transaction() as session:
        row = subscriptions.find(session, workspace_id)
        zone = session.get_one(Workspace, workspace_id).time_zone
    if row is None:
        raise NotPossible("There is no subscription yet. Choose a plan under Pricing.")
    seen = stripe().see_customer(row.customer_id)
    subscription = subscriptions.pick(seen, row.stripe_id)
    if subscription is None or subscriptions.status_of(subscription) not in statuses:
        raise NotPossible(_why_not(subscription))
    return Look(row, seen, subscription, zone)


def pause(workspace_id: int, now: datetime) -> PauseOffer:
    """Return what pausing at `now` (UTC) would mean."""
    found = look_to_pause(workspace_id)
    credit = found.money(pause_credit(found, now))
    tariff, end = found.tariff, found.subscription.period_end
    return PauseOffer(found.plan, tariff.price, tariff.every, credit, end)


def look_to_pause(workspace_id: int) -> Look:
    """Ask Stripe about a subscription that is to be paused. Raises NotPossible."""
    found = look(workspace_id, "active")
    if found.subscription.ends_at:
        raise NotPossible("This plan is cancelled. Undo that first, then pause it.")
    return found


def pause_credit(found: Look, now: datetime) -> int:
    """Return the cents that wait for the resumption: to the second, as Stripe counts."""
    if found.subscription.renewing:
        return 0  # the new period is not paid, and will not be
    if found.subscription.flexible:
        return stripe().preview_pause(found.subscription)
    paid = invoices.lines_of(found.seen.invoices)
    return max(0, value_between(paid, now, found.subscription.period_end))


def resume(workspace_id: int, now: datetime) -> ResumeOffer:
    """Return what resuming at `now` (UTC) would mean."""
    found = look(workspace_id, "paused")
    taken, tariff = _resumption(found), found.tariff
    return ResumeOffer(
        plan=found.plan,
        price=tariff.price,
        every=tariff.every,
        due=found.money(taken.due),
        discount=found.money(taken.discount),
        credit=found.money(min(taken.credit, tariff.price.cents - taken.discount)),
        next_at=months_later(now, MONTHS[tariff.every]),
        card=found.seen.card,
        payment_url=found.subscription.payment_url,
    )


def resume_due(found: Look) -> int:
    """Return the cents that resuming now would charge."""
    return _resumption(found).due


def _resumption(found: Look) -> Resumption:
    seen = found.subscription
    if seen.waiting_invoice:
        used = sum(each.used for each in found.seen.invoices if each.id == seen.waiting_invoice)
        return Resumption(seen.waiting_due, seen.waiting_discount, seen.held + max(0, used))
    preview, ours = stripe().preview_resume(seen), _not_given(found)
    credit = preview.credit + max(0, preview.balance_after - found.seen.balance) + ours
    return Resumption(max(0, preview.due - ours), preview.discount, credit)


def _not_given(found: Look) -> int:
    """Return the cents of the credit that only we know of, until it is on the balance."""
    ours = found.row.pause_credit or 0
    if not ours or not found.subscription.collection_paused:
        return 0
    # Given already where the answer to it was lost: then the preview counts it.
    return 0 if stripe().has_credit(found.seen.id, credit_words(found)) else ours


def credit_words(found: Look) -> str:
    """Return what names the credit of this very pause on the customer's balance."""
    return f"Unused time from before the pause of {found.row.paused_at:%Y-%m-%d %H:%M:%S} UTC"


def cancel(workspace_id: int, now: datetime) -> CancelOffer:
    """Return what ending at `now` (UTC), or with the period, would mean."""
    found = look(workspace_id, "active", "past_due", "paused", "unpaid")
    refund, end = cancel_refund(found, now), found.subscription.period_end
    paused = subscriptions.status_of(found.subscription) == "paused"
    days = 0 if paused else (end - unused_days_from(end, now)).days
    return CancelOffer(found.plan, found.money(refund), days, None if paused else end)


def cancel_refund(found: Look, now: datetime) -> int:
    """Return the cents that come back to the card: never more than was taken from it."""
    owed = cancel_owed(found, now)
    payers = refunds.payers(found.seen, found.subscription)
    return sum(refunds.shares(stripe(), payers, owed).values())


def cancel_owed(found: Look, now: datetime) -> int:
    """Return the cents that we owe to who ends it at `now` (UTC); negative: they owe us."""
    ours = (found.row.pause_credit or 0) if found.subscription.collection_paused else 0
    return refunds.owed(found.seen, found.subscription, ours, now)


def change(workspace_id: int, tariff: Tariff, now: datetime) -> ChangeOffer:
    """Return what changing to `tariff` at `now` (UTC) would mean. Raises NotPossible."""
    at = int(now.timestamp())
    found, preview = preview_change(workspace_id, tariff, at)
    before = found.seen.balance
    return ChangeOffer(
        before=found.tariff,
        after=tariff,
        lines=tuple((words, found.money(cents)) for words, cents in preview.lines),
        due=found.money(preview.due),
        credit=found.money(max(0, before - preview.balance_after)),
        next_at=preview.period_end,
        at=at,
    )


def preview_change(workspace_id: int, tariff: Tariff, at: int) -> tuple[Look, Preview]:
    """Ask Stripe what a change at the Unix time `at` would cost. Raises NotPossible."""
    found = look(workspace_id, "active")
    if found.subscription.drafted:
        raise NotPossible("The new period is being charged just now. Change the plan in an hour.")
    if found.subscription.ends_at:
        raise NotPossible("This plan is cancelled. Undo that first, then change it.")
    if tariff == found.tariff:
        raise NotPossible("That is what you have already.")
    return found, stripe().preview_change(found.subscription, tariff, at)


def _why_not(subscription: SubscriptionSeen | None) -> str:
    status = subscriptions.status_of(subscription) if subscription else "none"
    if status == "active":
        return "The subscription is not paused."
    if status == "paused":
        return "The subscription is paused. Resume it first."
    if status in {"past_due", "unpaid"}:
        return "A payment is missing. Pay it first, or cancel."
    return "There is no subscription at the moment. Choose a plan under Pricing."
