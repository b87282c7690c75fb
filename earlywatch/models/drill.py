"""Fire drills: test alerts through the whole path that ask for an answer."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment, ref


class Drill(Base):
    """One drill; its alerts are deliveries that name it in `drill_id`."""

    __tablename__ = "drill"
    __table_args__ = (
        # When was the last one?
        Index("ix_drill_workspace", "workspace_id", "id"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    started_by: Mapped[str]  # an address, or "the weekly drill"
    started_at: Mapped[Moment]
