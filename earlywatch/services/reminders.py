"""What people must be told because time went by: before a charge, during a pause, once a year.

Each reminder is a mail with a name and a date of its own, so looking again tells nobody twice,
and an extended pause is reminded of anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from earlywatch.domain import billing_letters as letters
from earlywatch.domain.billing_letters import Letter
from earlywatch.domain.money import Money
from earlywatch.domain.pausing import FIRST_REMINDER, LAST_REMINDER, months_later
from earlywatch.domain.plans import CURRENCY, GRACE, PLANS, PlanName
from earlywatch.models import BillingMail, Subscription, Workspace
from earlywatch.models.columns import OutboxState
from earlywatch.services import billing_mails
from earlywatch.services.billing_mails import Whom
from earlywatch.services.year import Year


class Kind(StrEnum):
    """What a reminder is for; also the kind of its mail."""

    RESUME_7_DAYS = "resume_7_days"
    RESUME_1_DAY = "resume_1_day"
    STILL_PAUSED = "still_paused"
    RENEWAL_30_DAYS = "renewal_30_days"
    RENEWAL_7_DAYS = "renewal_7_days"
    YEARLY_SUMMARY = "yearly_summary"
    GRACE_OVER = "grace_over"


AGAIN = timedelta(days=1)  # after a reminder that nobody took
BEFORE_RESUMPTION = (Kind.RESUME_7_DAYS, Kind.RESUME_1_DAY)

# `at` is the date that a reminder is about: a charge, an anniversary, the end of the grace. One
# that is late is left out once a later one is due, except the last before a charge.
DUE = text("""
    WITH due (workspace_id, kind, at) AS (
        SELECT workspace_id, 'resume_7_days', pause_until FROM subscription
        WHERE status = 'paused' AND ends_at IS NULL
            AND pause_until <= :now + :first AND pause_until > :now + :last
        UNION ALL
        SELECT workspace_id, 'resume_1_day', pause_until FROM subscription
        WHERE status = 'paused' AND ends_at IS NULL AND pause_until <= :now + :last
        UNION ALL
        -- An end that passed without a payment leaves a pause without one. greatest() skips NULL.
        SELECT workspace_id, 'still_paused', since + months / 6 * interval '6 months'
        FROM (
            SELECT workspace_id, since,
                date_part('year', age)::int * 12 + date_part('month', age)::int AS months
            FROM (
                SELECT workspace_id, since, age(:now, since) AS age
                FROM (
                    SELECT workspace_id, greatest(paused_at, pause_until) AS since
                    FROM subscription WHERE status = 'paused'
                ) AS pause
            ) AS aged
        ) AS counted
        WHERE months >= 6
        UNION ALL
        SELECT workspace_id, 'renewal_30_days', period_end FROM subscription
        WHERE status = 'active' AND every = 'year' AND ends_at IS NULL
            AND period_end <= :now + interval '30 days' AND period_end > :now + interval '7 days'
        UNION ALL
        SELECT workspace_id, 'renewal_7_days', period_end FROM subscription
        WHERE status = 'active' AND every = 'year' AND ends_at IS NULL
            AND period_end <= :now + interval '7 days' AND period_end > :now
        UNION ALL
        SELECT workspace_id, 'yearly_summary',
            started_at + date_part('year', age(:now, started_at))::int * interval '1 year'
        FROM subscription
        WHERE status IN ('active', 'past_due', 'unpaid', 'paused')
            AND date_part('year', age(:now, started_at)) >= 1
        UNION ALL
        SELECT workspace_id, 'grace_over', past_due_since + :grace FROM subscription
        WHERE status IN ('past_due', 'unpaid') AND past_due_since + :grace <= :now
    )
    SELECT workspace_id, kind, at FROM due
    WHERE (CAST(:workspace_id AS bigint) IS NULL OR workspace_id = :workspace_id)
        AND NOT EXISTS (
            SELECT FROM billing_mail AS told
            WHERE told.workspace_id = due.workspace_id AND told.kind = due.kind
                AND told.about = CAST(floor(extract(epoch FROM due.at)) AS bigint)::text
                -- Without the last one before a charge a pause never ends: it is sent anew.
                AND NOT (
                    told.kind = 'resume_1_day' AND told.state = 'failed'
                    AND coalesce(told.last_attempt_at, told.created_at) <= :now - :again
                )
        )
    ORDER BY workspace_id, at, kind
""")


@dataclass(frozen=True)
class Due:
    """A reminder that nobody got yet."""

    workspace_id: int
    kind: Kind
    at: datetime


@dataclass(frozen=True)
class Situation:
    """What a letter is written from; `at` is what the reminder is about."""

    session: Session
    row: Subscription
    zone: str
    at: datetime
    now: datetime
    charge: Money | None

    @property
    def label(self) -> str:
        """The plan's name for people."""
        return PLANS[PlanName(self.row.plan or PlanName.FREE)].label


Writer = Callable[[Situation], Letter]


def waiting(session: Session, now: datetime) -> list[Due]:
    """Return the reminders that are due at `now` (UTC) and that nobody got yet."""
    return _due(session, None, now)


def remind(session: Session, due: Due, now: datetime, charge: Money | None = None) -> int:
    """Queue a reminder, if it is due still at `now` (UTC); return how many mails.

    `charge` is what the card would be charged at the end of a pause, where that is known.
    """
    workspace = Workspace.lock(session, due.workspace_id)
    row = Subscription.lock(session, due.workspace_id)
    if row is None or due not in _due(session, due.workspace_id, now):
        return 0
    letter = WRITERS[due.kind](Situation(session, row, workspace.time_zone, due.at, now, charge))
    about = _about(due.at)
    billing_mails.forget_failed(session, workspace.id, due.kind.value, about)
    return billing_mails.tell(
        session, workspace.id, due.kind.value, about, letter, now, Whom.OWNERS
    )


def was_given_up(session: Session, due: Due) -> bool:
    """Return whether the reminder was sent before, and an address did not take it."""
    given_up = select(BillingMail.id).where(
        BillingMail.workspace_id == due.workspace_id,
        BillingMail.kind == due.kind.value,
        BillingMail.about == _about(due.at),
        BillingMail.state == OutboxState.FAILED.value,
    )
    return session.scalar(select(given_up.exists())) or False


def may_resume(session: Session, subscription: Subscription, now: datetime) -> bool:
    """Return whether a pause may end by itself at `now` (UTC).

    Not before its time, and never without a reminder that went out a day ago: a reminder that is
    late, because we or the mail server were down, moves the charge.
    """
    until = subscription.pause_until
    if subscription.status != "paused" or until is None or until > now:
        return False
    told = select(BillingMail.id).where(
        BillingMail.workspace_id == subscription.workspace_id,
        BillingMail.kind == Kind.RESUME_1_DAY.value,
        BillingMail.about == _about(until),
        BillingMail.state == OutboxState.SENT.value,
        BillingMail.sent_at <= now - LAST_REMINDER,
    )
    return session.scalar(select(told.exists())) or False


def _due(session: Session, workspace_id: int | None, now: datetime) -> list[Due]:
    values = {
        "now": now,
        "workspace_id": workspace_id,
        "first": FIRST_REMINDER,
        "last": LAST_REMINDER,
        "grace": GRACE,
        "again": AGAIN,
    }
    rows = session.execute(DUE, values).all()
    return [Due(row.workspace_id, Kind(row.kind), row.at) for row in rows]


def _about(at: datetime) -> str:
    return str(int(at.timestamp()))


def _resume(days: int) -> Writer:
    def write(found: Situation) -> Letter:
        return letters.resume_soon(
            days=days,
            until=max(found.at, found.now + LAST_REMINDER),  # see `may_resume`
            due=due_at_resumption(found.row) if found.charge is None else found.charge,
            plan=found.label,
            card=_card_words(found.row.card),
            zone=found.zone,
            now=found.now,
        )

    return write


def _renewal(days: int) -> Writer:
    def write(found: Situation) -> Letter:
        amount = found.row.next_money or Money(0)
        return letters.renewal_soon(
            days=days, at=found.at, amount=amount, plan=found.label, zone=found.zone, now=found.now
        )

    return write


def _still_paused(found: Situation) -> Letter:
    since = found.row.paused_at or found.at
    return letters.still_paused(plan=found.label, since=since, zone=found.zone, now=found.now)


def _grace_over(found: Situation) -> Letter:
    return letters.grace_over(plan=found.label)


def _yearly_summary(found: Situation) -> Letter:
    row, since, currency = found.row, months_later(found.at, -12), found.row.currency or CURRENCY
    year = Year(found.session, row.workspace_id, since, found.at)
    goes_on = row.status == "active" and row.ends_at is None
    return letters.yearly_summary(
        paid=Money(year.paid(), currency),
        given_back=Money(year.given_back(), currency),
        alerts=year.alerts(),
        since=since,
        until=found.at,
        next_at=row.period_end if goes_on else None,
        next_amount=row.next_money,
        zone=found.zone,
        now=found.now,
    )


WRITERS: dict[Kind, Writer] = {
    Kind.RESUME_7_DAYS: _resume(7),
    Kind.RESUME_1_DAY: _resume(1),
    Kind.STILL_PAUSED: _still_paused,
    Kind.RENEWAL_30_DAYS: _renewal(30),
    Kind.RENEWAL_7_DAYS: _renewal(7),
    Kind.YEARLY_SUMMARY: _yearly_summary,
    Kind.GRACE_OVER: _grace_over,
}


def due_at_resumption(row: Subscription) -> Money:
    """Return what the card is charged when the pause ends."""
    return row.resume_money or Money(0)


def _card_words(card: dict[str, Any] | None) -> str | None:
    return f"{str(card['brand']).capitalize()} ending in {card['last4']}" if card else None
