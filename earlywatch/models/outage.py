"""When we could not hear or judge, and how we know."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment, one_of


class OutageCause(StrEnum):
    """What was away."""

    INTAKE = "intake"  # pings of our own did not get through
    VOLUME = "volume"  # far fewer pings came than just before
    DETECTOR = "detector"  # nobody judged
    CLOCK = "clock"  # the clock was set


class Outage(Base):
    """A span in which silence proves nothing, the same for all workspaces.

    `moved_at` is set once the deadlines that it touches were moved on by its length.
    """

    __tablename__ = "outage"
    __table_args__ = (
        one_of("cause", "cause", OutageCause),
        CheckConstraint("ended_at >= began_at", name="ended_after_began"),
        CheckConstraint("moved_at IS NULL OR ended_at IS NOT NULL", name="moved"),
        # Is there one that lasts, or whose deadlines are still to be moved? At most one.
        Index("uq_outage_open", "id", unique=True, postgresql_where="moved_at IS NULL"),
        # What happened lately?
        Index("ix_outage_began", "began_at"),
    )

    id: Mapped[Id]
    cause: Mapped[str]
    began_at: Mapped[Moment]
    noticed_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    moved_at: Mapped[Moment | None]
    told_at: Mapped[Moment | None]  # when the operators were told
