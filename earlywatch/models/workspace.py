"""The tenant, and the people in it."""

from enum import StrEnum

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from earlywatch.db import Base
from earlywatch.models.account import Account
from earlywatch.models.columns import Id, Moment, one_of, ref


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Workspace(Base):
    """Owns monitors and channels."""

    __tablename__ = "workspace"

    id: Mapped[Id]
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    created_at: Mapped[Moment]


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
