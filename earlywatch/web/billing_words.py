"""A bill in words: what its state is, what comes next, and with which card."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from flask import Blueprint, g

from earlywatch.clients.stripe_shapes import Card
from earlywatch.domain.money import Money
from earlywatch.domain.plans import CURRENCY, FREE, GRACE, PLANS, Plan, PlanName
from earlywatch.domain.words import date_words
from earlywatch.models import BillingAction, BillingChange, Invoice, Subscription, Workspace
from earlywatch.models.billing import ActionKind

BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
ACTS = {
    ActionKind.SUBSCRIBE: "Your subscription",
    ActionKind.CHANGE: "The change of your plan",
    ActionKind.PAUSE: "The pause",
    ActionKind.EXTEND: "The longer pause",
    ActionKind.RESUME: "The resumption",
    ActionKind.CANCEL_AT_END: "The cancellation",
    ActionKind.KEEP: "Keeping the plan",
    ActionKind.CANCEL_NOW: "The cancellation and its refund",
    ActionKind.REFUND: "A refund",
}


class State(StrEnum):
    """What a bill needs from its owner."""

    FREE = "free"
    ACTIVE = "active"
    ENDING = "ending"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    WAITING = "waiting"  # the first payment has not succeeded yet


@dataclass(frozen=True)
class Bill:
    """What a workspace pays. `subscription` is our copy of Stripe's, and may have ended."""

    workspace: Workspace
    subscription: Subscription | None
    invoices: Sequence[Invoice]
    now: datetime

    @property
    def state(self) -> State:
        """Which of the pages' faces is shown."""
        row = self.subscription
        if row is None or not row.live:
            return State.FREE
        if row.status in {"past_due", "unpaid"}:
            return State.PAST_DUE
        if row.status == "paused":
            return State.PAUSED
        if row.status == "incomplete":
            return State.WAITING
        return State.ENDING if row.ends_at else State.ACTIVE

    @property
    def plan(self) -> Plan:
        """What is paid for, whether or not it is in force at the moment."""
        row = self.subscription
        paid = row.plan if row and row.live else None
        return PLANS[PlanName(paid)] if paid else FREE

    @property
    def in_force(self) -> Plan:
        """What the workspace may use now."""
        return PLANS[PlanName(self.workspace.plan)]

    @property
    def gift(self) -> Plan | None:
        """What is given, as long as it lasts."""
        until = self.workspace.gift_until
        if self.workspace.gift_plan is None or (until and until <= self.now):
            return None
        return PLANS[PlanName(self.workspace.gift_plan)]

    @property
    def card(self) -> Card | None:
        """The card that the next payment would take."""
        row = self.subscription
        return Card(**row.card) if row and row.card else None

    @property
    def next_at(self) -> datetime | None:
        """When the next payment is taken (UTC), if one is."""
        row = self.subscription
        if row is None or self.state is State.ENDING:
            return None
        return row.pause_until if self.state is State.PAUSED else row.period_end

    @property
    def card_expires_first(self) -> bool:
        """Whether the card can no longer be used when the next payment is due."""
        return bool(self.card and self.next_at and expires_at(self.card) <= self.next_at)

    @property
    def unpaid(self) -> Invoice | None:
        """The invoice that waits to be paid: the newest open one."""
        return next((invoice for invoice in self.invoices if invoice.status == "open"), None)

    @property
    def grace_ends_at(self) -> datetime | None:
        """Until when everything stays on although a payment is missing (UTC)."""
        since = self.subscription.past_due_since if self.subscription else None
        return since + GRACE if since else None

    @property
    def credit(self) -> Money | None:
        """What we owe: it is taken off the next payments."""
        row = self.subscription
        if row is None or row.balance >= 0:
            return None
        return self.money(-row.balance)

    @property
    def in_grace(self) -> bool:
        """Whether everything stays on although a payment is missing."""
        return bool(self.grace_ends_at and self.now < self.grace_ends_at)

    @property
    def next_words(self) -> str:
        """What the next payment takes, as Stripe last worked it out."""
        due = self.subscription.next_money if self.subscription else None
        return due.words if due else "?"

    @property
    def resume_words(self) -> str:
        """What resuming takes, as it stands."""
        due = self.subscription.resume_money if self.subscription else None
        return due.words if due else "?"

    @property
    def less(self) -> str:
        """What is taken off the price: " less your discount", or nothing."""
        row = self.subscription
        return " less your discount" if row and row.next_discount else ""

    def money(self, cents: int) -> Money:
        """Return an amount in the currency of the bill."""
        row = self.subscription
        return Money(cents, row.currency or CURRENCY) if row else Money(cents)

    @property
    def headline(self) -> str:
        """What the bill's owner wants to know first."""
        zone = self.workspace.time_zone
        row = self.subscription
        if row is None or self.state is State.FREE:
            has = "no limits" if self.in_force.monitors is None else self.in_force.label
            return f"You have {has}, and pay nothing"
        if self.state is State.PAUSED:
            return f"{self.plan.label} is paused {till_words(row.pause_until, zone)}"
        if self.state is State.ENDING and row.ends_at:
            return f"{self.plan.label} ends on {date_words(row.ends_at, zone)}"
        if self.state is State.PAST_DUE:
            return f"{self.unpaid_words} could not be taken"
        if self.state is State.WAITING:
            return f"The first payment for {self.plan.label} waits"
        price = row.price.words if row.price else "?"
        return f"You pay {price} a {row.every}{self.less} for {self.plan.label}"

    @property
    def unpaid_words(self) -> str:
        """What is missing: "$7.00", or "A payment" where Stripe has told no figure yet."""
        return due_words(self.unpaid) if self.unpaid else "A payment"


def expires_at(card: Card) -> datetime:
    """Return the first moment (UTC) at which a card has expired."""
    year, month = divmod(card.year * 12 + card.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def card_words(card: Card) -> str:
    """Return "Visa ending in 4242"."""
    brand = BRANDS.get(card.brand, card.brand.replace("_", " ").title())
    return f"{brand} ending in {card.last4}"


def due_words(invoice: Invoice) -> str:
    """Return what is left to pay of an invoice."""
    return Money(invoice.due, invoice.currency).words


def total_words(invoice: Invoice) -> str:
    """Return the total of an invoice; negative is a credit."""
    return Money(invoice.total, invoice.currency).words


def refunded_words(invoice: Invoice) -> str:
    """Return what of an invoice came back to the card."""
    return Money(invoice.refunded, invoice.currency).words


def change_words(change: BillingChange) -> str:
    """Return the amount of a line of the history, or nothing."""
    if change.amount is None or change.currency is None:
        return ""
    return Money(change.amount, change.currency).words


def act_words(action: BillingAction) -> str:
    """Return what is being done."""
    return ACTS[ActionKind(action.kind)]


def day(at: datetime, zone: str) -> str:
    """Return the date of a moment on the clock of `zone`: "20 Dec 2026"."""
    return date_words(at, zone)


def till_words(at: datetime | None, zone: str) -> str:
    """Return the end of a pause."""
    return f"until {day(at, zone)}" if at else "until you come back"


def register(bp: Blueprint) -> None:
    """Give the templates these words."""
    for named in (
        *(card_words, due_words, total_words, refunded_words, change_words, act_words),
        *(day, till_words),
    ):
        bp.add_app_template_filter(named)


def present(
    workspace: Workspace, subscription: Subscription | None, invoices: Sequence[Invoice]
) -> Bill:
    """Return the bill as it is at this request's moment."""
    return Bill(workspace, subscription, invoices, g.now)
