"""What people did about money, what happened, and the mails that told them."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment, OutboxMixin, OutboxState, one_of, ref


class ActionKind(StrEnum):
    """What a person can do to a subscription."""

    SUBSCRIBE = "subscribe"
    CHANGE = "change"
    PAUSE = "pause"
    EXTEND = "extend"
    RESUME = "resume"
    CANCEL_AT_END = "cancel_at_end"
    KEEP = "keep"  # undo the cancellation
    CANCEL_NOW = "cancel_now"
    REFUND = "refund"  # ours alone, after a warning of fraud or a second subscription


class ActionState(StrEnum):
    """How far an action got."""

    OPEN = "open"  # Stripe has not been asked, or has not answered
    BEGUN = "begun"  # the first step took effect: the rest must follow
    DONE = "done"
    FAILED = "failed"  # nothing has changed


class BillingAction(Base):
    """A button that was pressed, stored before Stripe is asked.

    `id` comes from the form: pressing twice finds the first. It is also the idempotency key of
    the calls, so that a repeat by a worker takes effect once.
    """

    __tablename__ = "billing_action"
    __table_args__ = (
        one_of("kind", "kind", ActionKind),
        one_of("state", "state", ActionState),
        # What is left unfinished?
        Index(
            "ix_billing_action_open", "created_at", postgresql_where="state IN ('open', 'begun')"
        ),
        # What did this workspace do lately?
        Index("ix_billing_action_workspace", "workspace_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    actor: Mapped[str]  # an address, "a link in a mail", "Earlywatch"
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)  # what was confirmed, and steps done
    answer: Mapped[str | None]  # a sentence, once it is done or failed
    created_at: Mapped[Moment]
    next_attempt_at: Mapped[Moment]  # when a worker may take it up
    settled_at: Mapped[Moment | None]


class BillingChange(Base):
    """A line of the billing history: it is only ever added to."""

    __tablename__ = "billing_change"
    __table_args__ = (
        # A thing of Stripe's, such as a paid invoice, is told once, however often it is seen.
        Index("uq_billing_change_about", "workspace_id", "kind", "about", unique=True),
        # What happened to this workspace's bill, newest first?
        Index("ix_billing_change_workspace", "workspace_id", "id"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    at: Mapped[Moment]
    kind: Mapped[str]
    about: Mapped[str]  # what makes it one: an invoice id, an action id, a moment
    actor: Mapped[str]
    sentence: Mapped[str]
    amount: Mapped[int | None]  # cents: positive was charged, negative was given back
    currency: Mapped[str | None]


class BillingMail(OutboxMixin, Base):
    """A mail about money or watching to one person, composed when it is queued.

    `letter` holds the words and figures of that moment (see `services.billing_mails`); links are
    made when it is sent, and stored nowhere.
    """

    __tablename__ = "billing_mail"
    __table_args__ = (
        one_of("state", "state", OutboxState),
        # Each thing is told to a person once, whoever notices it first.
        Index("uq_billing_mail_about", "workspace_id", "address", "kind", "about", unique=True),
        # Which mails are due, and first?
        Index("ix_billing_mail_due", "next_attempt_at", "id", postgresql_where="state = 'pending'"),
        # What was this workspace told?
        Index("ix_billing_mail_workspace", "workspace_id", "kind"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    address: Mapped[str]
    kind: Mapped[str]
    about: Mapped[str]
    letter: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
