"""A person who can sign in."""

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment


class Account(Base):
    """A person, known by a confirmed email address."""

    __tablename__ = "account"
    # Addresses are compared without regard to case, so only one spelling may exist.
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_lower"),)

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    email_confirmed_at: Mapped[Moment | None]
    # Raised to end every session and to void every link mailed before.
    session_epoch: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[Moment]
