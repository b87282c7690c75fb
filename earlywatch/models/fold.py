"""Incidents that are told of together, because they have the same cause."""

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment, ref


class Fold(Base):
    """What incidents share, such as a host, while it lasts; they name it in `incident.fold_id`."""

    __tablename__ = "fold"
    __table_args__ = (
        # Is there one that this incident belongs to?
        Index("ix_fold_open", "workspace_id", "key", postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    key: Mapped[str]  # what is compared: a kind of thing, its name, and who is told
    # The incident that its alerts hang on, from the first one to the end of them all, even if it
    # ends sooner. No reference: the two tables would point to each other.
    first_id: Mapped[int] = mapped_column(BigInteger)
    shared: Mapped[str]  # the same in words, such as "the host 192.0.2.7"
    opened_at: Mapped[Moment]
    joined_at: Mapped[Moment]  # when the last one joined
    closed_at: Mapped[Moment | None]  # when all of them were over
