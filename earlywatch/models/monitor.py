"""What must be heard from, and what we know of it."""

from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from earlywatch.db import Base
from earlywatch.domain.keywords import Keywords
from earlywatch.domain.monitor import MonitorState, Rules, Status
from earlywatch.domain.runs import Run, read_runs, write_runs
from earlywatch.domain.schedule import Cron, Interval, Schedule, schedule_of, words_of
from earlywatch.errors import EarlywatchError
from earlywatch.models.columns import Duration, Id, Moment, ref

# Upstream of a monitor: while one of its parents is late or failed, it is blocked.
monitor_parent = Table(
    "monitor_parent",
    Base.metadata,
    Column("monitor_id", ref("monitor"), primary_key=True),
    Column("parent_id", ref("monitor"), primary_key=True),
    # Who waits for this monitor?
    Index("ix_monitor_parent_parent", "parent_id"),
    CheckConstraint("monitor_id <> parent_id", name="another"),
)
SHOWN = (Status.DUE, Status.UNKNOWN, Status.BLOCKED)
STORED = tuple(status for status in Status if status not in SHOWN)


class Monitor(Base):
    """One job that pings. Its rules are `rules`, what happened so far is `state`."""

    __tablename__ = "monitor"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({', '.join(repr(status.value) for status in STORED)})", name="status"
        ),
        CheckConstraint(
            "(schedule_kind = 'interval' AND period IS NOT NULL AND expression IS NULL)"
            " OR (schedule_kind IN ('cron', 'oncalendar') AND period IS NULL"
            " AND expression IS NOT NULL)",
            name="schedule",
        ),
        # An up monitor without a deadline would be silent for ever.
        CheckConstraint("status <> 'up' OR deadline_at IS NOT NULL", name="up_has_deadline"),
        CheckConstraint("deadline_at IS NULL OR status IN ('up', 'new')", name="deadline_status"),
        # Which monitors must be looked at?
        Index("ix_monitor_look", "look_at", postgresql_where="look_at IS NOT NULL"),
        # What does this workspace watch?
        Index("ix_monitor_workspace", "workspace_id", "name"),
        # Whose old key is this?
        Index(
            "uq_monitor_old_ping_key",
            "old_ping_key",
            unique=True,
            postgresql_where="old_ping_key IS NOT NULL",
        ),
        # Which monitor has this name in its ping URL?
        Index("ix_monitor_slug", "workspace_id", "slug", postgresql_where="slug IS NOT NULL"),
        # Does this workspace have monitors that are not watched for want of a plan?
        Index("ix_monitor_frozen", "workspace_id", postgresql_where="status = 'frozen'"),
        # Room in each page for the next state of its rows: no index is touched by a usual ping.
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    ping_key: Mapped[UUID] = mapped_column(unique=True)
    # Works until then, beside the new one.
    old_ping_key: Mapped[UUID | None]
    old_key_until: Mapped[Moment | None]
    key_changed_at: Mapped[Moment | None]
    name: Mapped[str]
    slug: Mapped[str | None]  # its name in ping URLs; not unique, see PROTOCOLS: 409
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    schedule_kind: Mapped[str]
    period: Mapped[Duration | None]
    expression: Mapped[str | None]
    time_zone: Mapped[str]
    grace: Mapped[Duration]
    max_runtime: Mapped[Duration | None]
    stall_after: Mapped[Duration | None]  # how long a run's progress may stand still
    post_only: Mapped[bool] = mapped_column(server_default=text("false"))
    sticky_pause: Mapped[bool] = mapped_column(server_default=text("true"))  # no ping ends it
    mask_secrets: Mapped[bool] = mapped_column(server_default=text("true"))
    # Networks whose pings count; empty: all.
    allowed_networks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    keywords_json: Mapped[dict[str, Any] | None] = mapped_column(
        "keywords", JSONB(none_as_null=True)
    )
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    # Failures before anybody is told: so many in a row, or so many of the last `failures_of` runs.
    failures_needed: Mapped[int] = mapped_column(
        SmallInteger, insert_default=1, server_default=text("1")
    )
    failures_of: Mapped[int | None] = mapped_column(SmallInteger)
    # Successes in a row before it counts as back.
    successes_needed: Mapped[int] = mapped_column(
        SmallInteger, insert_default=1, server_default=text("1")
    )
    created_at: Mapped[Moment]

    status: Mapped[str] = mapped_column(server_default=text("'new'"))
    last_ping_at: Mapped[Moment | None]
    last_success_at: Mapped[Moment | None]
    expected_at: Mapped[Moment | None]
    deadline_at: Mapped[Moment | None]
    # When the detector looks at it: at the deadline or earlier, which a trigger sees to. A ping
    # moves the deadline on and leaves this, which has an index.
    look_at: Mapped[Moment | None]
    # Open runs, oldest first; None where there are none, the usual case.
    runs_json: Mapped[list[dict[str, Any]] | None] = mapped_column("runs", JSONB(none_as_null=True))
    # Successes since its trouble, while they are fewer than needed.
    recovering: Mapped[int] = mapped_column(
        SmallInteger, insert_default=0, server_default=text("0")
    )
    flapping_at: Mapped[Moment | None]  # when people were last told that it comes and goes
    refused_at: Mapped[Moment | None]  # the last ping from outside the allowed networks
    refused_address: Mapped[str | None] = mapped_column(INET)
    # Our own outage by whose length its deadline was moved on last.
    outage_id: Mapped[int | None] = mapped_column(ForeignKey("outage.id", ondelete="SET NULL"))
    # The owner's choice: it stays watched when the plan allows fewer than there are.
    keep: Mapped[bool] = mapped_column(server_default=text("false"))
    frozen_at: Mapped[Moment | None]  # when it was frozen last
    # Judging it raised: left alone until then, so that the others are judged.
    set_aside_until: Mapped[Moment | None]

    @property
    def schedule(self) -> Schedule:
        """The schedule; `set_schedule` stores one."""
        return schedule_of(self.schedule_kind, self.period, self.expression, self.time_zone)

    def set_schedule(self, schedule: Schedule, time_zone: str = "UTC") -> None:
        """Store `schedule`. An interval has no zone of its own: `time_zone` is the one to show."""
        if isinstance(schedule, Interval):
            self.schedule_kind, self.period, self.expression = "interval", schedule.period, None
            self.time_zone = time_zone
        else:
            self.schedule_kind = "cron" if isinstance(schedule, Cron) else "oncalendar"
            self.period, self.expression = None, schedule.expression
            self.time_zone = schedule.time_zone

    @property
    def schedule_words(self) -> str:
        """The schedule in words, or as it was typed if this version cannot read it any more."""
        return words_of(self.schedule_kind, self.period, self.expression, self.time_zone)

    @property
    def unreadable(self) -> str | None:
        """Why this version cannot read the rules any more; its pings are then not judged."""
        try:
            _ = self.rules
        except EarlywatchError as error:
            return str(error)
        return None

    @property
    def rules(self) -> Rules:
        """What the owner decided."""
        return Rules(
            self.schedule, self.grace, self.max_runtime, self.stall_after, self.successes_needed
        )

    @property
    def runs(self) -> tuple[Run, ...]:
        """Runs that have started and not ended, oldest first."""
        return read_runs(self.runs_json)

    @property
    def keywords(self) -> Keywords | None:
        """What its pings' words mean, if the owner said so."""
        return Keywords.from_json(self.keywords_json) if self.keywords_json else None

    @property
    def state(self) -> MonitorState:
        """What happened so far, as the rules see it."""
        return MonitorState(
            status=Status(self.status),
            last_ping_at=self.last_ping_at,
            last_success_at=self.last_success_at,
            expected_at=self.expected_at,
            deadline_at=self.deadline_at,
            runs=self.runs,
            recovering=self.recovering,
        )

    @state.setter
    def state(self, state: MonitorState) -> None:
        self.status = state.status.value
        self.last_ping_at = state.last_ping_at
        self.last_success_at = state.last_success_at
        self.expected_at = state.expected_at
        self.deadline_at = state.deadline_at
        self.runs_json = write_runs(state.runs)
        self.recovering = state.recovering

    @classmethod
    def lock(cls, session: Session, workspace_id: int, monitor_id: int) -> Self | None:
        """Lock one monitor of the workspace until the transaction ends."""
        query = select(cls).where(cls.workspace_id == workspace_id, cls.id == monitor_id)
        return session.scalar(query.with_for_update().execution_options(populate_existing=True))


# The database, not the code, promises that no deadline passes unseen.
LOOK_IN_TIME = DDL(  # type: ignore[no-untyped-call]
    """
    CREATE FUNCTION look_in_time() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.look_at := NEW.deadline_at; RETURN NEW; END $$;
    CREATE TRIGGER look_in_time BEFORE INSERT OR UPDATE ON monitor FOR EACH ROW
    WHEN (NEW.deadline_at < coalesce(NEW.look_at, 'infinity'))
    EXECUTE FUNCTION look_in_time()
"""
)
event.listen(Monitor.__table__, "after_create", LOOK_IN_TIME)
