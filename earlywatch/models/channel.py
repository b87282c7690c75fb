"""A configured place to send to, and which monitors use it."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnExpressionArgument,
    Index,
    SmallInteger,
    Table,
    Time,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Duration, Id, Moment, ref

monitor_channel = Table(
    "monitor_channel",
    Base.metadata,
    Column("monitor_id", ref("monitor"), primary_key=True),
    Column("channel_id", ref("channel"), primary_key=True),
    # Which monitors would fall silent without this channel?
    Index("ix_monitor_channel_channel", "channel_id"),
)

# Which channels a group is made of. Groups hold no groups.
channel_member = Table(
    "channel_member",
    Base.metadata,
    Column("group_id", ref("channel"), primary_key=True),
    Column("channel_id", ref("channel"), primary_key=True),
    # Which groups is this channel in?
    Index("ix_channel_member_channel", "channel_id"),
)


class Channel(Base):
    """Alerts go to it once `verified_at` is set, and until it is broken or unsubscribed."""

    __tablename__ = "channel"
    __table_args__ = (
        # Where can this workspace be reached?
        Index("ix_channel_workspace", "workspace_id"),
        CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)"
            " AND (quiet_from IS NULL) = (quiet_zone IS NULL)",
            name="quiet",
        ),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    kind: Mapped[str]
    name: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_default: Mapped[bool] = mapped_column(server_default=text("true"))  # new monitors use it
    created_at: Mapped[Moment]
    verified_at: Mapped[Moment | None]
    broken_at: Mapped[Moment | None]  # the other side said that it is gone
    broken_reason: Mapped[str | None]
    unsubscribed_at: Mapped[Moment | None]  # the recipient asked us to stop
    # Raised to void the confirmation sent before; a code may be guessed only so often.
    confirm_epoch: Mapped[int] = mapped_column(server_default=text("0"))
    confirm_guesses: Mapped[int] = mapped_column(server_default=text("0"))

    # Quiet hours: local times of `quiet_zone`, over midnight if they end before they begin. They
    # begin on `quiet_days` (ISO: 1 is Monday); none means on all.
    quiet_from: Mapped[time | None] = mapped_column(Time)
    quiet_until: Mapped[time | None] = mapped_column(Time)
    quiet_zone: Mapped[str | None]
    quiet_days: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default=text("'{}'"))
    urgent_breaks_through: Mapped[bool] = mapped_column(server_default=text("true"))
    # What is not urgent is gathered and sent together this often; None: at once.
    digest_every: Mapped[Duration | None]
    proven_at: Mapped[Moment | None]  # when a person last answered what was sent there
    unproven_told_at: Mapped[Moment | None]  # when we last said that nobody had for long

    @classmethod
    def lock_all(
        cls, session: Session, workspace_id: int, *chosen: ColumnExpressionArgument[bool]
    ) -> Sequence[int]:
        """Keep channels from being deleted until the transaction ends; return their ids.

        Whoever deletes a channel holds it before its links and deliveries. So must who touches
        these.
        """
        query = select(cls.id).where(cls.workspace_id == workspace_id, *chosen)
        in_order = query.order_by(cls.id).with_for_update(read=True, key_share=True)
        return session.scalars(in_order).all()

    @property
    def usable(self) -> bool:
        """Whether alerts may be sent to it."""
        return self.verified_at is not None and not self.broken_at and not self.unsubscribed_at
