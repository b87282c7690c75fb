"""One alert on its way to one channel: the queue of record."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.alert import AlertKind
from earlywatch.models.channel import Channel
from earlywatch.models.columns import Id, OutboxMixin, OutboxState, one_of, ref
from earlywatch.models.incident import Incident


class Delivery(OutboxMixin, Base):
    """`public_id` goes out with every attempt, so that a receiver can drop a repeat."""

    __tablename__ = "delivery"
    __table_args__ = (
        one_of("alert", "alert", AlertKind),
        one_of("state", "state", OutboxState),
        CheckConstraint(
            "(alert IN ('opened', 'resolved')) = (incident_id IS NOT NULL)", name="incident"
        ),
        # Each alert goes to a channel once, whoever notices it first.
        Index(
            "uq_delivery_alert",
            "incident_id",
            "channel_id",
            "alert",
            unique=True,
            postgresql_where="incident_id IS NOT NULL",
        ),
        # What is due, and first? Many rows share a moment, hence the id.
        Index("ix_delivery_due", "next_attempt_at", "id", postgresql_where="state = 'pending'"),
        # What was sent through this channel lately?
        Index("ix_delivery_channel", "channel_id", "id"),
    )

    id: Mapped[Id]
    public_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    incident_id: Mapped[int | None] = mapped_column(ref("incident"))
    channel_id: Mapped[int] = mapped_column(ref("channel"))
    alert: Mapped[str]

    incident: Mapped[Incident | None] = relationship()
    channel: Mapped[Channel] = relationship()
