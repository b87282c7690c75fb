"""A workspace's bill as lines for a terminal."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.domain.money import Money
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.domain.words import date_words, dated_words
from earlywatch.models import BillingChange, Subscription, Workspace
from earlywatch.services import history, subscriptions, watching
from earlywatch.services.billing_mails import Whom, addresses_of

LINES_SHOWN = 10
WIDTH = 16  # characters of what a line is about


def bill_lines(session: Session, workspace: Workspace, now: datetime) -> Iterator[str]:
    """Yield what an operator who is asked about a bill wants to know first."""
    row = subscriptions.find(session, workspace.id)
    owners = ", ".join(addresses_of(session, workspace.id, Whom.OWNERS))
    yield _fact("Workspace", f"{workspace.id}, {workspace.name} ({owners})")
    yield _fact("Plan in force", watching.plan_of(workspace).label)
    yield _fact("Gift", _gift(workspace, now))
    yield _fact("Watched", _watched(session, workspace))
    yield from _subscription(row) if row else [_fact("Subscription", "never went to Stripe")]
    lately = history.lines(session, workspace.id)[:LINES_SHOWN]
    if lately:
        yield "Lately:"
    for line in lately:
        yield _line(line)


def _subscription(row: Subscription) -> Iterator[str]:
    price = f", {row.price.words} a {row.every}" if row.price else ""
    label = f"{PLANS[PlanName(row.plan)].label}, " if row.plan else ""
    yield _fact("Subscription", f"{label}{row.status}{price}")
    yield _fact("Next", _next(row))
    if row.past_due_since:
        yield _fact("Unpaid since", dated_words(row.past_due_since, "UTC"))
    if row.card:
        yield _fact("Card", f"{row.card['brand']}, ends in {row.card['last4']}")
    if row.balance:
        owed = "we owe" if row.balance < 0 else "is owed to us"
        yield _fact("Balance", f"{Money(abs(row.balance)).words} {owed}")
    looked = dated_words(row.synced_at, "UTC") if row.synced_at else "never"
    yield _fact("At Stripe", f"{row.customer_id}, {row.stripe_id or 'no subscription'}")
    yield _fact("Last looked", looked)


def _next(row: Subscription) -> str:
    if row.status == "paused":
        until = dated_words(row.pause_until, "UTC") if row.pause_until else "they come back"
        return f"nothing is charged until {until}"
    if row.ends_at and row.live:
        return f"ends {dated_words(row.ends_at, 'UTC')}"
    if not row.live or row.period_end is None:
        return "nothing more is charged"
    cents = row.amount if row.next_amount is None else row.next_amount
    amount = Money(cents or 0, row.currency or "usd").words
    return f"{amount} on {dated_words(row.period_end, 'UTC')}"


def _gift(workspace: Workspace, now: datetime) -> str:
    if workspace.gift_plan is None:
        return "none"
    label, until = PLANS[PlanName(workspace.gift_plan)].label, workspace.gift_until
    if until is None:
        return f"{label}, without an end"
    return f"{label} until {date_words(until, 'UTC')}{'' if now < until else ', which is over'}"


def _watched(session: Session, workspace: Workspace) -> str:
    watched = watching.count_watched(session, workspace.id)
    frozen = watching.count_frozen(session, workspace.id)
    limit = watching.plan_of(workspace).monitors
    return f"{watched} of {limit or 'any number of'} monitors, {frozen} frozen"


def _line(line: BillingChange) -> str:
    return f"  {dated_words(line.at, 'UTC')}  {line.sentence}  ({line.actor})"


def _fact(name: str, words: str) -> str:
    return f"{name:<{WIDTH}}{words}"
