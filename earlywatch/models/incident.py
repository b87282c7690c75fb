"""A stretch of trouble of one monitor."""

from sqlalchemy import CheckConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.monitor import Cause
from earlywatch.models.columns import Id, Moment, one_of, ref
from earlywatch.models.monitor import Monitor


class Incident(Base):
    """Opened when silence or a failure became trouble; resolved by a success or a pause.

    `expected_at`, `last_ping_at` and `exit_status` are kept as they were when it opened: the
    monitor moves on, the explanation must not.
    """

    __tablename__ = "incident"
    __table_args__ = (
        one_of("cause", "cause", Cause),
        CheckConstraint("resolved_at >= opened_at", name="resolved_after_opened"),
        # The database, not the code, promises one open incident per monitor.
        Index(
            "uq_incident_open", "monitor_id", unique=True, postgresql_where="resolved_at IS NULL"
        ),
        # What happened to this monitor lately?
        Index("ix_incident_monitor", "monitor_id", "opened_at"),
    )

    id: Mapped[Id]
    monitor_id: Mapped[int] = mapped_column(ref("monitor"))
    cause: Mapped[str]
    opened_at: Mapped[Moment]
    noticed_at: Mapped[Moment]  # when we wrote it down
    resolved_at: Mapped[Moment | None]
    expected_at: Mapped[Moment | None]
    last_ping_at: Mapped[Moment | None]
    exit_status: Mapped[int | None] = mapped_column(SmallInteger)

    monitor: Mapped[Monitor] = relationship()
