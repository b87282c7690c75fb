"""What a new answer of Stripe means to people: lines of the history, and mails."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import InvoiceSeen
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.billing_letters import Letter
from earlywatch.domain.money import Money
from earlywatch.domain.plans import GRACE, PLANS, PlanName
from earlywatch.domain.words import date_words
from earlywatch.models import Subscription, Workspace
from earlywatch.services import (
    billing_actions,
    billing_mails,
    history,
    invoices,
    pauses,
    refund_news,
)
from earlywatch.services.billing_mails import Whom
from earlywatch.services.watching import Fitted

ENDED = {"canceled", "incomplete_expired"}

RESUMPTION_WAITS = (
    "The payment did not succeed. For 23 hours Stripe may try it again, and you can make it on the"
    " billing page; then it is dropped."
)


@dataclass(frozen=True)
class Facts:
    """What of a subscription is worth telling when it changes."""

    stripe_id: str | None
    status: str
    plan: str | None
    price: Money | None
    every: str | None
    ends_at: datetime | None
    pause_until: datetime | None
    pause_credit: int | None
    period_end: datetime | None
    next_amount: int | None
    past_due_since: datetime | None

    @classmethod
    def of(cls, row: Subscription) -> Self:
        """Return the facts of a row as they are now."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    @property
    def label(self) -> str:
        """The plan's name for people."""
        return PLANS[PlanName(self.plan or PlanName.FREE)].label

    @property
    def words(self) -> str:
        """Plan and price: "Supporter, $7.00 a month"."""
        return f"{self.label}, {self.price.words} a {self.every}" if self.price else self.label

    def was_paused(self, before: "Facts") -> bool:
        """Whether the pause is new."""
        return self.status == "paused" != before.status


@dataclass(frozen=True)
class News:
    """One thing that happened, for the history, and a mail for some."""

    kind: str
    sentence: str
    letter: Letter | None = None
    whom: Whom = Whom.OWNERS


def tell(
    session: Session,
    workspace: Workspace,
    before: Facts,
    after: Facts,
    fitted: Fitted,
    now: datetime,
) -> None:
    """Add what changed to the history, and mail it."""
    if before == after or after.stripe_id is None:
        return
    actor = billing_actions.actor_of(session, workspace.id, now) or history.STRIPE
    about = f"{after.stripe_id}:{now.isoformat()}"
    quiet = not billing_actions.ends_by_itself(session, workspace.id)
    for news in _news(before, after, fitted, workspace.time_zone, now):
        history.add(session, workspace.id, news.kind, about, actor, news.sentence, now)
        if news.letter and not (quiet and news.kind == "ended"):
            mail = (news.kind, about, news.letter, now, news.whom)
            billing_mails.tell(session, workspace.id, *mail)


def _news(before: Facts, after: Facts, fitted: Fitted, zone: str, now: datetime) -> Iterable[News]:
    if before.stripe_id != after.stripe_id:
        if after.status not in ENDED:
            yield News("started", f"Subscribed to {after.words}.")
        return
    yield from _state_news(before, after, fitted, zone, now)
    if (before.plan, before.price, before.every) != (after.plan, after.price, after.every):
        sentence = f"Changed from {before.words} to {after.words}."
        letter = letters.changed(
            before=before.words,
            after=after.words,
            sentence=sentence,
            next_at=None if after.ends_at else after.period_end,
            next_amount=_next_amount(after),
            zone=zone,
            now=now,
        )
        yield News("changed", sentence, letter)
    if after.status in ENDED or before.ends_at == after.ends_at:
        return
    if after.ends_at:
        letter = letters.cancel_set(plan=after.label, ends_at=after.ends_at, zone=zone, now=now)
        yield News(
            "cancel_set",
            f"Cancelled: {after.label} ends on {date_words(after.ends_at, zone)}.",
            letter,
        )
    elif after.period_end and before.status not in ENDED:
        letter = letters.kept(
            plan=after.label,
            next_at=after.period_end,
            next_amount=_next_amount(after),
            zone=zone,
            now=now,
        )
        yield News("kept", f"The cancellation was undone: {after.words}.", letter)


def _state_news(
    before: Facts, after: Facts, fitted: Fitted, zone: str, now: datetime
) -> Iterable[News]:
    if before.status == after.status:
        return
    if after.status == "paused":
        yield _paused(after, fitted, zone, now)
    elif after.status in ENDED:
        yield _ended(before, after)
    elif before.status == "paused" and after.period_end:
        letter = letters.resumed(
            plan=after.label,
            price=_next_amount(after),
            next_at=after.period_end,
            zone=zone,
            now=now,
        )
        yield News("resumed", f"Resumed: {after.words}.", letter)
    elif after.status == "past_due" and after.past_due_since:
        until = date_words(after.past_due_since + GRACE, zone)
        yield News("past_due", f"A payment failed. Everything stays on until {until}.")
    elif before.status == "past_due" and after.status == "active":
        yield News("recovered", "The missing payment has arrived.")


def _ended(before: Facts, after: Facts) -> News:
    if before.past_due_since:
        letter = letters.ended_unpaid(plan=after.label)
        return News("ended", f"{after.label} has ended, because a payment is missing.", letter)
    letter = letters.cancelled(plan=after.label, refund=None, names=[])
    return News("ended", f"{after.label} has ended. Nothing more is charged.", letter)


def _paused(after: Facts, fitted: Fitted, zone: str, now: datetime) -> News:
    credit = Money(after.pause_credit or 0, _price(after).currency)
    until = pauses.ending(after.pause_until, zone)
    letter = letters.paused(
        plan=after.label,
        credit=credit,
        until=after.pause_until,
        names=[monitor.name for monitor in fitted.frozen],
        zone=zone,
        now=now,
    )
    sentence = f"Paused {until}. {credit.words} of unused time waits as a credit."
    return News("paused", sentence, letter, Whom.TEAM)


def tell_cancelled(
    session: Session,
    workspace_id: int,
    about: str,
    row: Subscription | None,
    back: Money,
    now: datetime,
) -> None:
    """Confirm a cancellation with what goes back to the card."""
    label = Facts.of(row).label if row else PLANS[PlanName.FREE].label
    letter = letters.cancelled(plan=label, refund=back, names=[])
    billing_mails.tell(session, workspace_id, "cancelled", about, letter, now, Whom.OWNERS)


def tell_invoices(
    session: Session,
    workspace: Workspace,
    row: Subscription,
    seen: Collection[InvoiceSeen],
    now: datetime,
) -> int:
    """Keep copies of the invoices; tell once of each charge, refund and failure.

    Return how many copies were new or different.
    """
    different = 0
    before = invoices.store(session, workspace.id, seen)
    for invoice in sorted(seen, key=lambda each: each.created_at):
        known = before.get(invoice.id)
        different += known is None or known.status != invoice.status
        if invoice.status == "paid" and (known is None or known.status != "paid"):
            _tell_paid(session, workspace, row, invoice, now)
        refund_news.tell_refunds(session, workspace.id, invoice, now)
        if invoice.failed:
            _tell_failed(session, workspace, row, invoice, now)
    return different


def _tell_paid(
    session: Session, workspace: Workspace, row: Subscription, invoice: InvoiceSeen, now: datetime
) -> None:
    paid = invoices.charged(invoice)
    name = f"Invoice {invoice.number or invoice.id}"
    words = f"{paid.words} charged" if paid else "paid from credit, nothing charged"
    history.add(
        session,
        workspace.id,
        "charged",
        invoice.id,
        history.STRIPE,
        f"{name}: {words}.",
        invoice.created_at,
        paid,
    )
    if not paid:
        return
    facts, renews = Facts.of(row), row.status == "active" and not row.ends_at
    letter = letters.receipt(
        plan=facts.label,
        paid=paid,
        number=invoice.number or invoice.id,
        next_at=row.period_end if renews else None,
        next_amount=_next_amount(facts) if renews else None,
        zone=workspace.time_zone,
        now=now,
    )
    billing_mails.tell(session, workspace.id, "receipt", invoice.id, letter, now, Whom.OWNERS)


def _tell_failed(
    session: Session, workspace: Workspace, row: Subscription, invoice: InvoiceSeen, now: datetime
) -> None:
    about = f"{invoice.id}:{invoice.next_attempt_at}"
    label = Facts.of(row).label
    if row.status == "paused":
        reason = RESUMPTION_WAITS
        letter = letters.resume_failed(plan=label, reason=reason)
        billing_mails.tell(session, workspace.id, "resume_failed", about, letter, now, Whom.OWNERS)
    elif row.past_due_since:
        letter = letters.payment_failed(
            amount=Money(invoice.due, invoice.currency),
            plan=label,
            tried_at=now,
            next_attempt_at=invoice.next_attempt_at,
            grace_ends_at=row.past_due_since + GRACE,
            zone=workspace.time_zone,
            now=now,
        )
        billing_mails.tell(session, workspace.id, "payment_failed", about, letter, now, Whom.OWNERS)


def _next_amount(facts: Facts) -> Money:
    price = _price(facts)
    return price if facts.next_amount is None else Money(facts.next_amount, price.currency)


def _price(facts: Facts) -> Money:
    return facts.price or Money(0)
