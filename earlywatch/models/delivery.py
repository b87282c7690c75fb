"""One alert on its way to one channel: the queue of record."""

from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.alert import OF_INCIDENT, AlertKind
from earlywatch.models.channel import Channel
from earlywatch.models.columns import Duration, Id, Moment, OutboxMixin, one_of, ref
from earlywatch.models.incident import Incident


class DeliveryState(StrEnum):
    """Where a delivery stands: the states of an outbox, and two more."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    GATHERED = "gathered"  # waits for the next digest of its channel
    MERGED = "merged"  # another message says it, see `leader_id`


class Delivery(OutboxMixin, Base):
    """`public_id` goes out with every attempt, so that a receiver can drop a repeat.

    Due deliveries go out in the order of `turn_at`: the moment when it was due, or later for one
    of many of its workspace, so that nobody waits behind another's thousands.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        one_of("alert", "alert", AlertKind),
        one_of("state", "state", DeliveryState),
        CheckConstraint(
            f"(alert IN ({', '.join(repr(kind.value) for kind in OF_INCIDENT)}))"
            " = (incident_id IS NOT NULL)",
            name="incident",
        ),
        # Each alert goes to a channel once, whoever notices it first.
        Index(
            "uq_delivery_alert",
            "incident_id",
            "channel_id",
            "alert",
            "number",
            unique=True,
            postgresql_where="incident_id IS NOT NULL",
        ),
        # Whose turn is it?
        Index("ix_delivery_turn", "turn_at", "id", postgresql_where="state = 'pending'"),
        # Where does the queue of this workspace end?
        Index(
            "ix_delivery_queue",
            "workspace_id",
            "turn_at",
            postgresql_where="state = 'pending' AND attempts = 0",
        ),
        # What is due for longest?
        Index("ix_delivery_due", "next_attempt_at", "id", postgresql_where="state = 'pending'"),
        # What should have arrived by now?
        Index(
            "ix_delivery_undelivered",
            "due_at",
            postgresql_where="state IN ('pending', 'failed') AND fallback_at IS NULL",
        ),
        # What was sent through this channel lately?
        Index("ix_delivery_channel", "channel_id", "id"),
        # What waits for the next digest?
        Index("ix_delivery_gathered", "channel_id", postgresql_where="state = 'gathered'"),
        # What does this message say besides?
        Index("ix_delivery_leader", "leader_id", postgresql_where="leader_id IS NOT NULL"),
        # What was told elsewhere instead?
        Index(
            "ix_delivery_fallback",
            "fallback_for_id",
            postgresql_where="fallback_for_id IS NOT NULL",
        ),
        # Who answered?
        Index("ix_delivery_drill", "drill_id", postgresql_where="drill_id IS NOT NULL"),
        # Which message does a provider speak of?
        Index("ix_delivery_provider", "provider_id", postgresql_where="provider_id IS NOT NULL"),
    )

    id: Mapped[Id]
    public_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    # That of its channel, without which it is deleted; None in what the former version queued.
    workspace_id: Mapped[int | None] = mapped_column(BigInteger)
    incident_id: Mapped[int | None] = mapped_column(ref("incident"))
    channel_id: Mapped[int] = mapped_column(ref("channel"))
    alert: Mapped[str]
    number: Mapped[int] = mapped_column(insert_default=0, server_default=text("0"))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    due_at: Mapped[Moment | None]  # when it should go out, quiet hours considered
    turn_at: Mapped[Moment] = mapped_column(server_default=text("now()"))
    slot_at: Mapped[Moment | None]  # the moment reserved for it at a target that sets a pace
    fallback_at: Mapped[Moment | None]  # when the fallback channel was told instead, or needed not
    fallback_for_id: Mapped[int | None] = mapped_column(
        ForeignKey("delivery.id", ondelete="SET NULL")
    )
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id", ondelete="SET NULL"))
    drill_id: Mapped[int | None] = mapped_column(ref("drill"))
    answered_at: Mapped[Moment | None]  # when a person pressed "Got it"
    provider_id: Mapped[str | None]  # the other side's name for the message
    # The attempt that was under way when the other side said that it did not arrive.
    lost_attempt: Mapped[int | None] = mapped_column(SmallInteger)
    words: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # of a notice

    incident: Mapped[Incident | None] = relationship()
    channel: Mapped[Channel] = relationship()
    log: Mapped[list["Attempt"]] = relationship(order_by="Attempt.id", viewonly=True)


class Attempt(Base):
    """One try at a delivery that came to an end, or what the other side said of it later."""

    __tablename__ = "attempt"
    __table_args__ = (
        # How did this delivery go?
        Index("ix_attempt_delivery", "delivery_id", "id"),
    )

    id: Mapped[Id]
    delivery_id: Mapped[int] = mapped_column(ref("delivery"))
    number: Mapped[int] = mapped_column(SmallInteger)  # 0: the other side reported later
    at: Mapped[Moment]  # when it ended
    took: Mapped[Duration] = mapped_column(
        insert_default=timedelta(0), server_default=text("'00:00:00'::interval")
    )
    sent: Mapped[bool]
    answer: Mapped[str]


class Destination(Base):
    """A target that sets a pace: when the next message may go there. Two channels may share it."""

    __tablename__ = "destination"

    key: Mapped[str] = mapped_column(primary_key=True)  # a digest of kind and config
    free_at: Mapped[Moment]  # the theoretical arrival time of GCRA
