"""The tenant, and the people in it."""

from enum import StrEnum
from typing import Self

from sqlalchemy import Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.domain.plans import PlanName
from earlywatch.models.account import Account
from earlywatch.models.columns import Id, Moment, one_of, ref


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
        one_of("plan", "plan", PlanName),
        one_of("gift_plan", "gift_plan", PlanName),
    )

    id: Mapped[Id]
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    plan: Mapped[str] = mapped_column(server_default=text("'unlimited'"))
    gift_plan: Mapped[str | None]
    gift_until: Mapped[Moment | None]  # None: as long as we exist
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
