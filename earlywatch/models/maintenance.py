"""Windows in which nobody is told."""

from datetime import time
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, SmallInteger, Text, Time, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Duration, Id, Moment, one_of, ref


class Recurrence(StrEnum):
    """How often a window comes."""

    ONCE = "once"
    WEEKLY = "weekly"
    CRON = "cron"


class Maintenance(Base):
    """A window for one monitor, or those with one of `tags`; without either for all.

    Once: from `starts_at`. Weekly: on `weekdays` (ISO: 1 is Monday) at `starts`, a local time of
    `time_zone`. Cron: whenever `expression` fires there. Each lasts for `length`.
    """

    __tablename__ = "maintenance"
    __table_args__ = (
        one_of("recurrence", "recurrence", Recurrence),
        CheckConstraint("length > interval '0'", name="length"),
        CheckConstraint(
            "(recurrence = 'once') = (starts_at IS NOT NULL)"
            " AND (recurrence = 'weekly') = (starts IS NOT NULL)"
            " AND (recurrence = 'cron') = (expression IS NOT NULL)",
            name="moments",
        ),
        # Which windows has this workspace?
        Index("ix_maintenance_workspace", "workspace_id"),
        # Which are for this monitor alone?
        Index("ix_maintenance_monitor", "monitor_id", postgresql_where="monitor_id IS NOT NULL"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    monitor_id: Mapped[int | None] = mapped_column(ref("monitor"))
    name: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    recurrence: Mapped[str]
    starts_at: Mapped[Moment | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default=text("'{}'"))
    starts: Mapped[time | None] = mapped_column(Time)
    expression: Mapped[str | None]
    length: Mapped[Duration]
    time_zone: Mapped[str]
    ended_at: Mapped[Moment | None]  # ended by hand then: what began before is over
    created_at: Mapped[Moment]
