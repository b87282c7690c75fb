"""One signal received from a job, and where a monitor's pings come from."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, Index, LargeBinary, SmallInteger, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.domain.monitor import PingKind
from earlywatch.models.columns import Duration, Id, Moment, one_of, ref

KEPT_IN_ROW = 4096  # bytes of a body; what is longer may move to an object store


class Ping(Base):
    """Kept as it came, but for masked secrets.

    `duration` is set where the ping ended a run whose start we saw, or told it. Of a body that
    was moved to the object store, `body` holds the first bytes and `body_bytes` the whole size.
    """

    __tablename__ = "ping"
    __table_args__ = (
        one_of("kind", "kind", PingKind),
        CheckConstraint("exit_status BETWEEN 0 AND 255", name="exit_status"),
        CheckConstraint("(body_key IS NULL) = (body_bytes IS NULL)", name="moved_body"),
        # What did this monitor say lately?
        Index("ix_ping_monitor", "monitor_id", "id"),
        # When did it say something other than success? Among a million successes, too.
        Index("ix_ping_kind", "monitor_id", "kind", "id", postgresql_where="kind <> 'success'"),
        # Who still uses the old key?
        Index("ix_ping_old_key", "monitor_id", "id", postgresql_where="old_key"),
        # Which bodies may move to the object store?
        Index(
            "ix_ping_large",
            "id",
            postgresql_where=f"octet_length(body) > {KEPT_IN_ROW} AND body_key IS NULL",
        ),
    )

    id: Mapped[Id]
    monitor_id: Mapped[int] = mapped_column(ref("monitor"))
    received_at: Mapped[Moment]
    kind: Mapped[str]
    reason: Mapped[str | None]  # why it has this kind, if the job did not say so
    exit_status: Mapped[int | None] = mapped_column(SmallInteger)
    run_id: Mapped[UUID | None]
    duration: Mapped[Duration | None]
    done: Mapped[float | None] = mapped_column(Double)  # progress: so much of `total`
    total: Mapped[float | None] = mapped_column(Double)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    message: Mapped[str | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    body_cut: Mapped[bool]  # the job sent more than we keep
    body_key: Mapped[str | None]  # of the whole body in the object store
    body_bytes: Mapped[int | None]
    masked: Mapped[int | None]  # secrets that were masked
    method: Mapped[str]
    scheme: Mapped[str]
    remote_address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]
    new_source: Mapped[bool] = mapped_column(server_default=text("false"))
    old_key: Mapped[bool] = mapped_column(server_default=text("false"))


class PingSource(Base):
    """An address and an agent that a monitor's pings have come from. /64 for IPv6."""

    __tablename__ = "ping_source"

    monitor_id: Mapped[int] = mapped_column(ref("monitor"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)  # empty: unknown
    agent: Mapped[str] = mapped_column(primary_key=True)  # empty: none
    first_seen_at: Mapped[Moment]


class DiscardedBody(Base):
    """A body in the object store whose ping is gone: to be deleted there."""

    __tablename__ = "discarded_body"

    key: Mapped[str] = mapped_column(primary_key=True)
    discarded_at: Mapped[Moment] = mapped_column(server_default=text("now()"))
