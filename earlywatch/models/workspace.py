"""The tenant, and the people in it."""

import secrets
import string
from datetime import timedelta
from enum import StrEnum
from typing import Self

from sqlalchemy import ForeignKey, Index, SmallInteger, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.plans import PlanName
from earlywatch.models.account import Account
from earlywatch.models.columns import Duration, Id, Moment, one_of, ref

KEY_LETTERS = string.ascii_lowercase + string.digits
KEY_LENGTH = 22  # characters: as hard to guess as a UUID


def new_ping_key() -> str:
    """Return a new secret for ping URLs by name."""
    return "".join(secrets.choice(KEY_LETTERS) for _ in range(KEY_LENGTH))


# As PostgreSQL writes it, so that it compares equal.
RANDOM = "substr(replace((gen_random_uuid())::text, '-'::text, ''::text), 1, 22)"


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Workspace(Base):
    """Owns monitors, channels and the bill.

    `plan` is the plan in force; only `services.plans` writes it.
    """

    __tablename__ = "workspace"
    __table_args__ = (
        # Whose fallback is this channel?
        Index(
            "ix_workspace_fallback",
            "fallback_channel_id",
            postgresql_where="fallback_channel_id IS NOT NULL",
        ),
        one_of("plan", "plan", PlanName),
        one_of("gift_plan", "gift_plan", PlanName),
        # Whose key is this, and whose old one?
        Index("uq_workspace_ping_key", "ping_key", unique=True),
        Index(
            "uq_workspace_old_ping_key",
            "old_ping_key",
            unique=True,
            postgresql_where="old_ping_key IS NOT NULL",
        ),
    )

    id: Mapped[Id]
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    plan: Mapped[str] = mapped_column(server_default=text("'unlimited'"))
    gift_plan: Mapped[str | None]
    gift_until: Mapped[Moment | None]  # None: as long as we exist
    # The default of the database is for the former version, which does not know it.
    ping_key: Mapped[str] = mapped_column(insert_default=new_ping_key, server_default=text(RANDOM))
    # Works until then, beside the new one.
    old_ping_key: Mapped[str | None]
    old_key_until: Mapped[Moment | None]
    key_changed_at: Mapped[Moment | None]
    # Whether `?create=1` makes monitors.
    create_by_ping: Mapped[bool] = mapped_column(server_default=text("true"))
    # Where an alert goes that was not delivered in time, or never can be.
    fallback_channel_id: Mapped[int | None] = mapped_column(
        ForeignKey("channel.id", ondelete="SET NULL", use_alter=True)
    )
    fallback_after: Mapped[Duration] = mapped_column(
        insert_default=timedelta(minutes=5), server_default=text("'00:05:00'::interval")
    )
    # So many monitors that fall silent for the same cause become one alert; None: never.
    fold_from: Mapped[int | None] = mapped_column(
        SmallInteger, insert_default=3, server_default=text("3")
    )
    drill_weekly: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Moment]

    @classmethod
    def lock(cls, session: Session, workspace_id: int) -> Self:
        """Lock one until the transaction ends, before its monitors: who counts these takes turns.

        What is added to the workspace meanwhile needs no more than that it stays.
        """
        query = select(cls).where(cls.id == workspace_id).with_for_update(key_share=True)
        return session.scalars(query.execution_options(populate_existing=True)).one()


class Member(Base):
    """A person in a workspace."""

    __tablename__ = "member"
    __table_args__ = (
        one_of("role", "role", Role),
        # Who is in this workspace?
        Index("ix_member_workspace", "workspace_id"),
    )

    account_id: Mapped[int] = mapped_column(ref("account"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ref("workspace"), primary_key=True)
    role: Mapped[str]
    created_at: Mapped[Moment]

    account: Mapped[Account] = relationship()
    workspace: Mapped[Workspace] = relationship()
