"""Our copy of what Stripe says a workspace pays for, and the invoices it paid."""

from typing import Any, Self

from sqlalchemy import CheckConstraint, Index, Sequence, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from earlywatch.db import Base
from earlywatch.domain.money import Money
from earlywatch.domain.plans import LIVE, Every, PlanName
from earlywatch.models.columns import Moment, one_of, ref

# Taken before Stripe is asked: of two answers, the one asked for later is written last.
TICKETS = Sequence("subscription_ticket", metadata=Base.metadata)


class Subscription(Base):
    """One per workspace that ever went to Stripe. Only `services.subscriptions` writes it.

    `status` is Stripe's word ("active", "past_due", "paused", "canceled", …), "none" before the
    first subscription. Columns that begin with `pause_` are ours: Stripe knows nothing of them.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        one_of("plan", "plan", PlanName),
        one_of("every", "every", Every),
        CheckConstraint("amount IS NULL OR amount >= 0", name="amount"),
        # Whose subscription does this event speak of?
        Index("uq_subscription_stripe_id", "stripe_id", unique=True),
        Index("uq_subscription_customer_id", "customer_id", unique=True),
        # Which pauses end soon, and which wait for a reminder?
        Index("ix_subscription_paused", "pause_until", postgresql_where="status = 'paused'"),
        # Whose paid month has ended?
        Index("ix_subscription_months_due", "months_due_at"),
    )

    workspace_id: Mapped[int] = mapped_column(ref("workspace"), primary_key=True)
    customer_id: Mapped[str]
    stripe_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=text("'none'"))
    plan: Mapped[str | None]
    amount: Mapped[int | None]  # cents per `every`, with tax, before discounts
    currency: Mapped[str | None]
    every: Mapped[str | None]
    flexible: Mapped[bool] = mapped_column(server_default=text("true"))  # Stripe's billing mode
    started_at: Mapped[Moment | None]
    period_start: Mapped[Moment | None]
    period_end: Mapped[Moment | None]
    ends_at: Mapped[Moment | None]  # cancelled: until then it can be undone
    ended_at: Mapped[Moment | None]
    past_due_since: Mapped[Moment | None]
    # Cents of the next invoice, or of a resumption now: discounts and credits are taken off, but
    # not `pause_credit` where the pause is of the older kind.
    next_amount: Mapped[int | None]
    next_discount: Mapped[int] = mapped_column(server_default=text("0"))  # cents
    balance: Mapped[int] = mapped_column(server_default=text("0"))  # cents; negative: we owe them
    card: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # brand, last4, month, year
    # A change or a resumption that waits for its payment: where it can be paid.
    payment_url: Mapped[str | None]
    paused_at: Mapped[Moment | None]
    pause_until: Mapped[Moment | None]  # None while paused: until the owner comes back
    pause_credit: Mapped[int | None]  # cents that wait for the resumption
    months_due_at: Mapped[Moment | None]  # ours: when `services.fair_use` looks at paid months
    ticket: Mapped[int] = mapped_column(server_default=text("0"))
    synced_at: Mapped[Moment | None]

    @property
    def price(self) -> Money | None:
        """What is paid per month or year."""
        if self.amount is None or self.currency is None:
            return None
        return Money(self.amount, self.currency)

    @property
    def next_money(self) -> Money | None:
        """What the next invoice takes, as far as it is known."""
        if self.next_amount is None or self.currency is None:
            return self.price
        return Money(self.next_amount, self.currency)

    @property
    def resume_money(self) -> Money | None:
        """What resuming takes, as Stripe worked it out; else the price less what we owe."""
        if self.price is None:
            return None
        ours = 0 if self.flexible else self.pause_credit or 0
        cents = self.next_amount
        if cents is None:
            cents, ours = self.price.cents + self.balance, self.pause_credit or 0
        return Money(max(0, cents - ours), self.price.currency)

    @property
    def live(self) -> bool:
        """Whether there is something to pause, change, resume or cancel."""
        return self.status in LIVE or self.status == "incomplete"  # the first payment waits

    @classmethod
    def lock(cls, session: Session, workspace_id: int) -> Self | None:
        """Lock the workspace's subscription until the transaction ends."""
        return session.get(cls, workspace_id, with_for_update=True, populate_existing=True)


class Invoice(Base):
    """A copy of an invoice that has left Stripe's drafts; `id` is Stripe's."""

    __tablename__ = "invoice"
    __table_args__ = (
        # What was this workspace asked to pay, newest first?
        Index("ix_invoice_workspace", "workspace_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    number: Mapped[str | None]
    status: Mapped[str]  # open, paid, void, uncollectible
    total: Mapped[int]  # cents; negative: a credit
    paid: Mapped[int]  # cents taken from the card
    due: Mapped[int] = mapped_column(server_default=text("0"))  # cents asked for still
    refunded: Mapped[int] = mapped_column(server_default=text("0"))  # cents given back to it
    currency: Mapped[str]
    created_at: Mapped[Moment]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # see services.invoices
    payment_ids: Mapped[list[str]] = mapped_column(JSONB)  # payment intents, for refunds
