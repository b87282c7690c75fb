"""Sending what is queued in rows: claim (which postpones), send with no transaction open, record.

At least once: a process that dies after the other side accepted and before `record` leaves a row
that is sent again when its lease ends, with the same id, so that receivers can drop the repeat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.retry import MOST_ATTEMPTS, wait_after

# Longer than any attempt may take (see `clients`), shorter than anybody should wait for an
# alert whose worker was killed.
LEASE = timedelta(seconds=45)

# In what is returned, so that it costs no round trip of its own; see `commit_lazily`.
LAZILY = "set_config('synchronous_commit', 'off', true)"
COMMIT_LAZILY = text("SET LOCAL synchronous_commit = off")
CLAIM = """
    UPDATE {table}
    SET attempts = attempts + 1, last_attempt_at = :now, next_attempt_at = :lease_ends_at
    WHERE id = (
        SELECT id FROM {table} AS due
        WHERE state = 'pending' AND next_attempt_at <= :now
        ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, attempts, {lazily}
"""
RECORD = """
    UPDATE {table}
    SET state = :state, answer = :answer, sent_at = CAST(:sent_at AS timestamptz),
        next_attempt_at = coalesce(CAST(:next_attempt_at AS timestamptz), next_attempt_at)
    WHERE id = :id AND (:state = 'sent' OR (state = 'pending' AND attempts = :attempt))
    RETURNING id, {lazily}
"""


@dataclass(frozen=True)
class Claim:
    """A row that is ours until its lease ends; `attempt` counts from 1."""

    id: int
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `answer` is a sentence or a status line for people to read."""

    sent: bool
    answer: str
    permanent: bool = False
    retry_after: timedelta | None = None  # the other side's wish
    timed_out: bool = False  # the other side hung: what else goes there should wait
    ill: bool = False  # the provider did not work, whoever its customer is
    took: timedelta = timedelta(0)
    provider_id: str | None = None  # the other side's name for the message
    defer_until: datetime | None = None  # it was no attempt: the row waits until then (UTC)


GIVEN_UP = Outcome(sent=False, answer="Given up: no attempt came to an end.", permanent=True)


class Outbox:
    """A table with the columns of `OutboxMixin`.

    `record` is its statement, where it has more columns than these. Both are made once: building
    them anew would cost more than running them.
    """

    def __init__(self, table: str, record: str = RECORD) -> None:
        self._claim = text(CLAIM.format(table=table, lazily=LAZILY))
        self._record = text(record.format(table=table, lazily=LAZILY))

    def claim(self, session: Session, now: datetime) -> Claim | None:
        """Take the row whose turn it is at `now` (UTC); None if nothing is due.

        Its next attempt moves on by the lease: nobody else takes it meanwhile, and a worker that
        is killed leaves nothing to clean.
        """
        values = {"now": now, "lease_ends_at": now + LEASE}
        while row := session.connection().execute(self._claim, values).one_or_none():
            claim = Claim(row.id, row.attempts)
            if claim.attempt <= MOST_ATTEMPTS:
                return claim
            # Attempts that outlived their lease were never recorded; they must end all the same.
            self.record(session, claim, GIVEN_UP, now, jitter=0.0)
        return None

    def record(
        self, session: Session, claim: Claim, outcome: Outcome, now: datetime, jitter: float
    ) -> bool:
        """Write how an attempt ended at `now` (UTC). Return False if it came too late.

        A success always counts. A failure that is reported after the lease ended does not:
        somebody else has taken the row since, or it was called off. `jitter` in [0, 1) spreads
        the retries of many rows.
        """
        values = {
            "id": claim.id,
            "attempt": claim.attempt,
            "answer": storable(outcome.answer),
            "now": now,
            "took": outcome.took,
            "sent": outcome.sent,
            "provider_id": outcome.provider_id,
            **_ending(claim.attempt, outcome, now, jitter),
        }
        return session.connection().execute(self._record, values).one_or_none() is not None


def storable(answer: str) -> str:
    """Return `answer` without the one character that PostgreSQL cannot store."""
    return answer.replace("\0", "")


def commit_lazily(session: Session) -> None:
    """Let this transaction's commit not wait for the disk.

    Losing it in a crash of PostgreSQL means one attempt more, never one less.
    """
    session.connection().execute(COMMIT_LAZILY)


def _ending(
    attempt: int, outcome: Outcome, now: datetime, jitter: float
) -> dict[str, str | datetime | None]:
    if outcome.sent:
        return {"state": "sent", "sent_at": now, "next_attempt_at": None}
    wait = None if outcome.permanent else wait_after(attempt, jitter)
    if wait is None:
        return {"state": "failed", "sent_at": None, "next_attempt_at": None}
    next_attempt_at = now + max(wait, outcome.retry_after or wait)
    return {"state": "pending", "sent_at": None, "next_attempt_at": next_attempt_at}
