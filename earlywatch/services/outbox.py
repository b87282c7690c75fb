"""Sending what is queued in rows: claim (which postpones), send with no transaction open, record.

At least once: a process that dies after the other side accepted and before `record` leaves a row
that is sent again when its lease ends, with the same id, so that receivers can drop the repeat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, select, text, true, update
from sqlalchemy.orm import Session

from earlywatch.domain.retry import wait_after
from earlywatch.models import AccountMail, Delivery
from earlywatch.models.columns import OutboxState

# Longer than any attempt may take (see `clients`), shorter than anybody should wait for an
# alert whose worker was killed.
LEASE = timedelta(seconds=45)

Row = TypeVar("Row", Delivery, AccountMail)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `answer` is a sentence or a status line for people to read."""

    sent: bool
    answer: str
    permanent: bool = False
    retry_after: timedelta | None = None  # the other side's wish


def claim(
    session: Session, table: type[Row], now: datetime, ready: ColumnElement[bool] | None = None
) -> Row | None:
    """Take the row that has been due longest at `now` (UTC) and is `ready`; None if there is none.

    Its next attempt moves on by the lease: nobody else takes it meanwhile, and a worker that is
    killed leaves nothing to clean.
    """
    commit_lazily(session)
    due = (
        select(table.id)
        .where(table.state == OutboxState.PENDING, table.next_attempt_at <= now)
        .where(true() if ready is None else ready)
        .order_by(table.next_attempt_at, table.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalar(
        update(table)
        .where(table.id == due)
        .values(attempts=table.attempts + 1, last_attempt_at=now, next_attempt_at=now + LEASE)
        .returning(table)
    )


def record(
    session: Session,
    table: type[Row],
    row_id: int,
    attempt: int,
    outcome: Outcome,
    now: datetime,
    jitter: float,
) -> bool:
    """Write how attempt number `attempt` ended at `now` (UTC). Return False if it came too late.

    A success always counts. A failure that is reported after the lease ended does not: somebody
    else has taken the row since. `jitter` in [0, 1) spreads the retries of many rows.
    """
    commit_lazily(session)
    change = update(table).where(table.id == row_id, table.state == OutboxState.PENDING)
    if not outcome.sent:
        change = change.where(table.attempts == attempt)
    written = session.scalar(
        change.values(**_values(attempt, outcome, now, jitter)).returning(table.id)
    )
    return written is not None


def _values(attempt: int, outcome: Outcome, now: datetime, jitter: float) -> dict[str, object]:
    if outcome.sent:
        return {"state": OutboxState.SENT, "sent_at": now, "answer": outcome.answer}
    wait = None if outcome.permanent else wait_after(attempt, jitter)
    if wait is None:
        return {"state": OutboxState.FAILED, "answer": outcome.answer}
    next_attempt_at = now + max(wait, outcome.retry_after or wait)
    return {"next_attempt_at": next_attempt_at, "answer": outcome.answer}


def commit_lazily(session: Session) -> None:
    """Let this transaction's commit not wait for the disk.

    Losing it in a crash of PostgreSQL means one attempt more, never one less.
    """
    session.execute(text("SET LOCAL synchronous_commit = off"))
