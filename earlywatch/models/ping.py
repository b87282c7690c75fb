"""One signal received from a job."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.domain.monitor import PingKind
from earlywatch.models.columns import Duration, Id, Moment, one_of, ref


class Ping(Base):
    """Kept as it came; `duration` is set where the ping ended a run whose start we saw."""

    __tablename__ = "ping"
    __table_args__ = (
        one_of("kind", "kind", PingKind),
        CheckConstraint("exit_status BETWEEN 0 AND 255", name="exit_status"),
        # What did this monitor say lately?
        Index("ix_ping_monitor", "monitor_id", "id"),
    )

    id: Mapped[Id]
    monitor_id: Mapped[int] = mapped_column(ref("monitor"))
    received_at: Mapped[Moment]
    kind: Mapped[str]
    exit_status: Mapped[int | None] = mapped_column(SmallInteger)
    run_id: Mapped[UUID | None]
    duration: Mapped[Duration | None]
    message: Mapped[str | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    body_cut: Mapped[bool]  # the job sent more than we keep
    method: Mapped[str]
    scheme: Mapped[str]
    remote_address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]
