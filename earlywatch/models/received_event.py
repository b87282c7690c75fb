"""Call-backs of providers: what reached us, and what became of it."""

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment


class ReceivedEvent(Base):
    """An event says "look": besides its id, only what to look at is kept.

    `object_id` is the thing it speaks of, in the provider's words.
    """

    __tablename__ = "received_event"
    __table_args__ = (
        # The same event may come twice, and be replayed by a thief.
        UniqueConstraint("provider", "event_id"),
        # What is left to handle, and first?
        Index(
            "ix_received_event_due", "next_attempt_at", "id", postgresql_where="handled_at IS NULL"
        ),
        # What came lately?
        Index("ix_received_event_received", "received_at", "id"),
    )

    id: Mapped[Id]
    provider: Mapped[str]
    event_id: Mapped[str]
    kind: Mapped[str]
    object_id: Mapped[str]
    customer_id: Mapped[str | None]
    received_at: Mapped[Moment]
    next_attempt_at: Mapped[Moment]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    handled_at: Mapped[Moment | None]
    outcome: Mapped[str | None]  # a sentence for operators


class RefusedEvent(Base):
    """How often call-backs of a provider were refused, by reason and day (UTC)."""

    __tablename__ = "refused_event"

    provider: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)  # "2026-11-20"
    count: Mapped[int]
    last_at: Mapped[Moment]
