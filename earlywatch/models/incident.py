"""A stretch of trouble of one monitor."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.monitor import Cause
from earlywatch.models.columns import Id, Moment, one_of, ref
from earlywatch.models.incident_act import IncidentAct
from earlywatch.models.monitor import Monitor


class Held(StrEnum):
    """Why nobody is told of an incident, for now."""

    MAINTENANCE = "maintenance"
    BLOCKED = "blocked"  # a monitor that it depends on is in trouble
    FAILURES = "failures"  # too few so far
    FLAPPING = "flapping"  # it comes and goes
    FOLDED = "folded"  # told together with others


class Incident(Base):
    """Opened when silence or a failure became trouble; resolved by a success or a pause.

    `expected_at`, `last_ping_at` and `exit_status` are kept as they were when it opened: the
    monitor moves on, the explanation must not. So is `explained`, see `services.explaining`.

    `next_step_at` is when the telling goes on: the row is the queue. None: there is nothing more
    to tell until it is over.
    """

    __tablename__ = "incident"
    __table_args__ = (
        one_of("cause", "cause", Cause),
        CheckConstraint("resolved_at >= opened_at", name="resolved_after_opened"),
        one_of("held", "held", Held),
        # Of which incidents must somebody be told something, and first?
        Index(
            "ix_incident_step", "next_step_at", "id", postgresql_where="next_step_at IS NOT NULL"
        ),
        # Of which were people told just now, each on its own?
        Index(
            "ix_incident_told",
            "told_since",
            postgresql_where="resolved_at IS NULL AND fold_id IS NULL",
        ),
        # Which were told of together?
        Index("ix_incident_fold", "fold_id", postgresql_where="fold_id IS NOT NULL"),
        # Which follow this policy?
        Index("ix_incident_policy", "policy_id", postgresql_where="policy_id IS NOT NULL"),
        # Which wait for this monitor?
        Index("ix_incident_blocked", "blocked_by_id", postgresql_where="blocked_by_id IS NOT NULL"),
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
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    explained: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    next_step_at: Mapped[Moment | None]
    told_since: Mapped[Moment | None]  # from when the steps count: no hold and no snooze counts
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policy.id", ondelete="SET NULL"))
    step: Mapped[int] = mapped_column(SmallInteger, insert_default=0, server_default=text("0"))
    reminders: Mapped[int] = mapped_column(insert_default=0, server_default=text("0"))
    held: Mapped[str | None]
    blocked_by_id: Mapped[int | None] = mapped_column(ForeignKey("monitor.id", ondelete="SET NULL"))
    failures: Mapped[int] = mapped_column(SmallInteger, insert_default=1, server_default=text("1"))
    fold_id: Mapped[int | None] = mapped_column(ForeignKey("fold.id", ondelete="SET NULL"))
    # Our own outage in which the ping was expected: it may have been sent and lost.
    outage_id: Mapped[int | None] = mapped_column(ForeignKey("outage.id", ondelete="SET NULL"))
    acknowledged_at: Mapped[Moment | None]
    acknowledged_by: Mapped[str | None]  # an address, or through what it came
    snoozed_until: Mapped[Moment | None]
    snoozed_by: Mapped[str | None]

    monitor: Mapped[Monitor] = relationship(foreign_keys=[monitor_id])
    acts: Mapped[list[IncidentAct]] = relationship(order_by=IncidentAct.id, viewonly=True)
