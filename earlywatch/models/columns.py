"""Column types and mixins that several tables share."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Interval, text
from sqlalchemy.orm import Mapped, mapped_column

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]  # UTC
Duration = Annotated[timedelta, mapped_column(Interval)]


def ref(target: str) -> ForeignKey:
    """Return a foreign key that deletes its row with the row it points to."""
    return ForeignKey(f"{target}.id", ondelete="CASCADE")


def one_of(name: str, column: str, kind: type[StrEnum]) -> CheckConstraint:
    """Return the promise that `column` holds a value of `kind`."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=name)


class OutboxState(StrEnum):
    """Where a message to the outside stands."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class OutboxMixin:
    """A message on its way out: the row is the queue, and claiming it is postponing it."""

    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[Moment]
    next_attempt_at: Mapped[Moment]
    last_attempt_at: Mapped[Moment | None]
    sent_at: Mapped[Moment | None]
    answer: Mapped[str | None]  # what the other side said last, for people to read
