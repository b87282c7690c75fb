"""A mail about an account, on its way out."""

from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, OutboxMixin, OutboxState, one_of, ref


class AccountMailKind(StrEnum):
    """What the mail is for."""

    CONFIRM_EMAIL = "confirm_email"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a mail


class AccountMail(OutboxMixin, Base):
    """Its links are made when it is sent and stored nowhere."""

    __tablename__ = "account_mail"
    __table_args__ = (
        one_of("kind", "kind", AccountMailKind),
        one_of("state", "state", OutboxState),
        # Which mails are due, and first?
        Index("ix_account_mail_due", "next_attempt_at", "id", postgresql_where="state = 'pending'"),
        # Was this person written to a moment ago?
        Index("ix_account_mail_account", "account_id", "created_at"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ref("account"))
    kind: Mapped[str]
