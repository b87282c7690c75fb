"""What Stripe says, in our words: nothing outside `clients/stripe*` sees Stripe's own objects."""

from dataclasses import dataclass
from datetime import datetime

from earlywatch.domain.money import Money
from earlywatch.domain.plans import Every, PlanName
from earlywatch.domain.proration import Line
from earlywatch.errors import EarlywatchError


class StripeError(EarlywatchError):
    """Stripe did not do what it was asked; the text is a sentence for the customer."""


class StripeAway(StripeError):
    """No answer, or none that says what happened: it may or may not have taken effect."""


class StripeRefused(StripeError):
    """Stripe understood and refused, so nothing has changed. `code` is Stripe's word for why."""

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code


class CardDeclined(StripeRefused):
    """The card was not charged. The text says why, as far as the bank told."""


@dataclass(frozen=True)
class Card:
    """A card as far as anybody may know it."""

    brand: str
    last4: str
    month: int
    year: int


@dataclass(frozen=True)
class Tariff:
    """What is to be paid for a plan, each month or year."""

    plan: PlanName
    every: Every
    price: Money


@dataclass(frozen=True)
class Checkout:
    """A page of Stripe's where a subscription is paid. `url` is None once it is closed."""

    id: str
    url: str | None
    complete: bool
    workspace_id: int | None


@dataclass(frozen=True)
class RefundSeen:
    """Money that goes back to a card, in cents. `action_id` names our act, if it was one."""

    id: str
    cents: int
    action_id: str | None


@dataclass(frozen=True)
class PaymentSeen:
    """What became of a payment, in cents."""

    refunded: int
    withheld: int  # refunded or disputed: it did not stay with us
    disputed: bool
    refunds: tuple[RefundSeen, ...]  # none that failed


@dataclass(frozen=True)
class InvoiceSeen:
    """An invoice that has left the drafts. Money is in cents of `currency`."""

    id: str
    subscription_id: str | None
    number: str | None
    status: str
    total: int
    paid: int
    due: int  # what is asked for still
    used: int  # of the customer's credit balance; it comes back if the invoice is voided
    refunded: int
    withheld: int  # refunded or disputed: it did not stay with us
    refunds: tuple[RefundSeen, ...]
    currency: str
    created_at: datetime
    lines: tuple[Line, ...]
    payment_ids: tuple[str, ...]  # for refunds: none that is disputed
    hosted_url: str | None
    failed: bool  # it was tried, and is still open
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class SubscriptionSeen:
    """A subscription as Stripe has it at the moment."""

    id: str
    item_id: str
    status: str
    tariff: Tariff
    flexible: bool
    collection_paused: bool  # the older kind of pause, where Stripe's status stays active
    created_at: datetime
    started_at: datetime
    period_start: datetime
    period_end: datetime
    ends_at: datetime | None
    ended_at: datetime | None
    paused_at: datetime | None
    renewing: bool  # the current period is not paid: for an hour its invoice is a draft still
    drafted: bool  # that hour
    own_card: bool  # it is charged from a card of its own, whatever the customer's default is
    # A change or a resumption that waits for its payment: its invoice, and where it is paid.
    waiting_invoice: str | None
    payment_url: str | None
    waiting_due: int = 0  # cents that it takes
    waiting_discount: int = 0  # cents that a coupon takes off it
    held: int = 0  # cents of credits that the invoice of a resumption has taken along


@dataclass(frozen=True)
class CustomerSeen:
    """All that Stripe knows of a customer. `balance` is in cents; negative: we owe them."""

    id: str
    balance: int
    card: Card | None
    subscriptions: tuple[SubscriptionSeen, ...]  # newest first
    invoices: tuple[InvoiceSeen, ...]  # newest first
    waiting: int  # cents of items that wait for the next invoice; negative: a credit
    # Cents that the next invoice takes: of a pause, if it ended now; of an end, if it were undone.
    next_amount: int | None
    next_discount: int = 0  # cents that a coupon takes off it


@dataclass(frozen=True)
class Preview:
    """What an act would cost, in cents: `due` is what the card would be charged now."""

    lines: tuple[tuple[str, int], ...]  # words and cents
    total: int
    due: int
    balance_after: int  # negative: we owe them
    credit: int  # credits among the lines, 0 or more
    discount: int  # what a coupon takes off the rest, 0 or more
    currency: str
    period_end: datetime | None
