"""Fair use: a paid month in which no monitor received a single ping is given back in full.

What is paused was never charged, so there is nothing to give back for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain import billing_letters as letters
from earlywatch.domain.billing_letters import Letter
from earlywatch.domain.money import Money
from earlywatch.domain.paid_months import Month, paid_months
from earlywatch.domain.plans import CURRENCY
from earlywatch.domain.proration import Line, value_between
from earlywatch.domain.words import date_words
from earlywatch.models import (
    BillingChange,
    Monitor,
    PaidMonth,
    Ping,
    Subscription,
    Workspace,
)
from earlywatch.services import billing_mails, history, invoices
from earlywatch.services.billing_mails import Whom

KIND = "fair_use"  # of the line of the history, and of the mail
STOPS = ("paused", "ended")  # lines of the history after which no service was paid for


@dataclass(frozen=True)
class Credit:
    """What is to be given back for a month, and how. `key` makes it one at Stripe."""

    workspace_id: int
    customer_id: str
    month: Month
    money: Money
    to_card: bool  # the subscription has ended: a credit would be of no use
    asked_before: bool  # Stripe may have done it already

    @property
    def key(self) -> str:
        """The idempotency key."""
        return f"fair-use-{self.workspace_id}-{int(self.month.start.timestamp())}"

    @property
    def words(self) -> str:
        """What the credit is called at Stripe; with its seconds there is only one such."""
        start, end = self.month.start, self.month.end
        return f"Fair use: no pings from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def due(session: Session, now: datetime, after: int, most: int) -> Sequence[int]:
    """Return workspaces, by number from `after` on, of which a paid month may have ended."""
    query = select(Subscription.workspace_id).where(
        Subscription.months_due_at <= now, Subscription.workspace_id > after
    )
    return session.scalars(query.order_by(Subscription.workspace_id).limit(most)).all()


def look(session: Session, workspace_id: int, now: datetime) -> int:
    """Decide about each paid month that has ended by `now` (UTC), once; return how many."""
    workspace = Workspace.lock(session, workspace_id)
    row = Subscription.lock(session, workspace_id)
    if row is None:
        return 0
    lines = _lines(session, workspace_id)
    known = set(_known(session, workspace_id))
    months = [
        month for month in paid_months(lines, _cuts(session, row)) if month.start not in known
    ]
    ended = [month for month in months if month.end <= now]
    # Until then only what Stripe tells can bring a month nearer, and that is noted there.
    row.months_due_at = min((month.end for month in months if month.end > now), default=None)
    for month in ended:
        cents = 0 if _pinged(session, workspace.id, month) else max(0, _value(lines, month))
        decided = insert(PaidMonth).values(
            workspace_id=workspace_id,
            starts_at=month.start,
            ends_at=month.end,
            cents=cents,
            currency=row.currency or CURRENCY,
            to_card=not row.live,
        )
        session.execute(decided.on_conflict_do_nothing())
    return len(ended)


def ask(session: Session, now: datetime) -> list[Credit]:
    """Return what is to be given back, and note that Stripe is asked at `now` (UTC)."""
    rows = session.execute(
        select(PaidMonth, Subscription.customer_id)
        .join(Subscription, Subscription.workspace_id == PaidMonth.workspace_id)
        .where(PaidMonth.cents > 0, PaidMonth.credited_at.is_(None))
        .order_by(PaidMonth.workspace_id, PaidMonth.starts_at)
        .with_for_update(of=PaidMonth)
        .execution_options(populate_existing=True)
    ).all()
    found = [_credit(month, customer_id) for month, customer_id in rows]
    for month, _ in rows:
        month.asked_at = now
    return found


def record(session: Session, credit: Credit, now: datetime) -> bool:
    """Note that the credit was given by `now` (UTC) and tell it; False if somebody did before."""
    workspace = Workspace.lock(session, credit.workspace_id)
    row = Subscription.lock(session, credit.workspace_id)
    month = session.get_one(
        PaidMonth,
        (credit.workspace_id, credit.month.start),
        with_for_update=True,
        populate_existing=True,
    )
    if month.credited_at is not None:
        return False
    month.credited_at = now
    history.add(
        session,
        workspace.id,
        KIND,
        credit.key,
        history.EARLYWATCH,
        _sentence(credit, workspace.time_zone),
        now,
        -credit.money,
    )
    letter = _letter(workspace, row, credit, now)
    billing_mails.tell(session, workspace.id, KIND, credit.key, letter, now, Whom.OWNERS)
    return True


def _sentence(credit: Credit, zone: str) -> str:
    where = "to the card" if credit.to_card else "as a credit"
    start, end = (date_words(at, zone) for at in (credit.month.start, credit.month.end))
    return (
        f"No monitor received a ping from {start} to {end}:"
        f" {credit.money.words} given back {where}."
    )


def _letter(
    workspace: Workspace, row: Subscription | None, credit: Credit, now: datetime
) -> Letter:
    renews = row is not None and row.status == "active" and row.ends_at is None
    return letters.fair_use(
        start=credit.month.start,
        end=credit.month.end,
        credit=credit.money,
        to_card=credit.to_card,
        next_at=row.period_end if row and renews else None,
        next_amount=row.next_money if row else None,
        zone=workspace.time_zone,
        now=now,
    )


def _credit(month: PaidMonth, customer_id: str) -> Credit:
    return Credit(
        workspace_id=month.workspace_id,
        customer_id=customer_id,
        month=Month(month.starts_at, month.ends_at),
        money=Money(month.cents, month.currency),
        to_card=month.to_card,
        asked_before=month.asked_at is not None,
    )


def _lines(session: Session, workspace_id: int) -> list[Line]:
    """Return the lines of paid invoices whose money was not given back as a whole."""
    listed = invoices.list_invoices(session, workspace_id)
    return invoices.lines_of(each for each in listed if not 0 < each.paid <= each.refunded)


def _cuts(session: Session, row: Subscription) -> list[datetime]:
    stopped = select(BillingChange.at).where(
        BillingChange.workspace_id == row.workspace_id, BillingChange.kind.in_(STOPS)
    )
    known = [at for at in (row.paused_at, row.ended_at) if at is not None]
    return [*known, *session.scalars(stopped)]


def _known(session: Session, workspace_id: int) -> Sequence[datetime]:
    query = select(PaidMonth.starts_at).where(PaidMonth.workspace_id == workspace_id)
    return session.scalars(query).all()


def _value(lines: list[Line], month: Month) -> int:
    return value_between(lines, month.start, month.end)


def _pinged(session: Session, workspace_id: int, month: Month) -> bool:
    """Return whether any monitor that there still is received a ping in the month.

    A monitor that was deleted took its pings with it: then the customer gets the benefit of the
    doubt. The newest ping before the month's end answers; this is asked soon after that end, so
    few newer ones have to be skipped, and none has made room for them yet.
    """
    newest = (
        select(Ping.received_at)
        .where(Ping.monitor_id == Monitor.id, Ping.received_at < month.end)
        .order_by(Ping.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    within = select(Monitor.id).where(
        Monitor.workspace_id == workspace_id,
        Monitor.last_ping_at >= month.start,
        newest >= month.start,
    )
    return bool(session.scalar(select(within.exists())))
