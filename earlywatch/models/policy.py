"""Who is told when, and for how long it is repeated."""

from sqlalchemy import CheckConstraint, Column, Index, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.models.channel import Channel
from earlywatch.models.columns import Duration, Id, Moment, ref

policy_step_channel = Table(
    "policy_step_channel",
    Base.metadata,
    Column("step_id", ref("policy_step"), primary_key=True),
    Column("channel_id", ref("channel"), primary_key=True),
    # Which steps would tell nobody without this channel?
    Index("ix_policy_step_channel_channel", "channel_id"),
)


class Policy(Base):
    """The first policy of the workspace, by `position`, that fits an incident decides.

    Empty lists fit everything. Weekdays (ISO: 1 is Monday) are those of the moment when the
    incident opened, in `time_zone`.
    """

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("repeat_every >= interval '1 minute'", name="repeat_every"),
        # What does this workspace want?
        Index("ix_policy_workspace", "workspace_id", "position"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ref("workspace"))
    name: Mapped[str]
    position: Mapped[int] = mapped_column(SmallInteger)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default=text("'{}'"))
    time_zone: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    # After the last step, everybody told so far is reminded this often until somebody acknowledges;
    # `repeat_most` times, None: until it is over.
    repeat_every: Mapped[Duration | None]
    repeat_most: Mapped[int | None] = mapped_column(SmallInteger)
    created_at: Mapped[Moment]

    steps: Mapped[list["PolicyStep"]] = relationship(
        order_by="PolicyStep.after", lazy="selectin", cascade="all, delete-orphan"
    )


class PolicyStep(Base):
    """Who is told when an incident has lasted for `after`, and nobody has acknowledged it."""

    __tablename__ = "policy_step"
    __table_args__ = (
        CheckConstraint("after >= interval '0'", name="after"),
        # One step a moment.
        Index("uq_policy_step", "policy_id", "after", unique=True),
    )

    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(ref("policy"))
    after: Mapped[Duration]
    own: Mapped[bool] = mapped_column(server_default=text("false"))  # the monitor's own channels

    channels: Mapped[list[Channel]] = relationship(secondary=policy_step_channel, lazy="selectin")
