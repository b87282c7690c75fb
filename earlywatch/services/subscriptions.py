"""Our copy of a subscription is set from what Stripe says, never from what an event claims.

So duplicates, reordering, delays and losses of events end in the same state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import CustomerSeen, InvoiceSeen, SubscriptionSeen, Tariff
from earlywatch.domain.plans import LIVE, Every, PlanName
from earlywatch.models import BillingAction, Subscription, Workspace
from earlywatch.models.billing import ActionKind
from earlywatch.models.subscription import TICKETS
from earlywatch.services import billing_actions, plans, subscription_news
from earlywatch.services.subscription_news import Facts

PAUSED = "paused"
UNCHANGED = "Nothing had changed."
LONG = timedelta(days=30)  # after an end, until nothing of it changes any more
LATELY = timedelta(days=7)  # longer than a checkout is open, and its payment may take


@dataclass(frozen=True)
class Ask:
    """Whom to look up at Stripe. Of two answers, the one with the later ticket stands."""

    workspace_id: int
    customer_id: str
    ticket: int


def find(session: Session, workspace_id: int) -> Subscription | None:
    """Return the workspace's subscription, or None if it never went to Stripe."""
    return session.get(Subscription, workspace_id, populate_existing=True)


def ask(session: Session, workspace_id: int) -> Ask | None:
    """Take a ticket for a look at Stripe; None if the workspace never went there."""
    row = session.get(Subscription, workspace_id, populate_existing=True)
    if row is None:
        return None
    return Ask(workspace_id, row.customer_id, session.scalar(select(TICKETS.next_value())) or 0)


def find_workspace_id(session: Session, customer_id: str) -> int | None:
    """Return whose customer this is."""
    query = select(Subscription.workspace_id).where(Subscription.customer_id == customer_id)
    return session.scalar(query)


def to_compare(
    session: Session, now: datetime, since: datetime | None, after: int, most: int
) -> Sequence[int]:
    """Return workspaces, by number, whose copy may differ from what Stripe says at `now` (UTC).

    Not who has ended long ago or never paid, unless they went to a checkout that may have been
    paid after our last look, and none that was looked at `since`.
    """
    to_checkout = select(BillingAction.id).where(
        BillingAction.workspace_id == Subscription.workspace_id,
        BillingAction.kind == ActionKind.SUBSCRIBE.value,
        BillingAction.created_at > Subscription.synced_at - LATELY,  # we may have been away
    )
    may_change = and_(
        Subscription.stripe_id.is_not(None),
        or_(Subscription.ended_at.is_(None), Subscription.ended_at > now - LONG),
    )
    query = select(Subscription.workspace_id).where(
        Subscription.workspace_id > after,
        or_(may_change, Subscription.synced_at.is_(None), to_checkout.exists()),
    )
    if since is not None:
        query = query.where(or_(Subscription.synced_at.is_(None), Subscription.synced_at <= since))
    return session.scalars(query.order_by(Subscription.workspace_id).limit(most)).all()


def set_customer(session: Session, workspace_id: int, customer_id: str, gone: str | None) -> str:
    """Remember who the workspace is at Stripe, in place of one who is `gone` from there.

    Return who it is: another request may be first.
    """
    row = insert(Subscription).values(workspace_id=workspace_id, customer_id=customer_id)
    key = [Subscription.workspace_id]
    if gone is None:
        session.execute(row.on_conflict_do_nothing(index_elements=key))
    else:
        replaced = {"customer_id": customer_id}
        same = Subscription.customer_id == gone
        session.execute(row.on_conflict_do_update(index_elements=key, set_=replaced, where=same))
    return session.get_one(Subscription, workspace_id, populate_existing=True).customer_id


def write(session: Session, asked: Ask, seen: CustomerSeen, now: datetime) -> str:
    """Set our copy to what was seen, tell what changed. Return a sentence for operators."""
    workspace = Workspace.lock(session, asked.workspace_id)
    row = Subscription.lock(session, asked.workspace_id)
    if row is None:
        return "The workspace is gone."
    if row.ticket > asked.ticket:
        return "A newer answer of Stripe is here already."
    before = Facts.of(row)
    _set(row, seen, asked.ticket, now)
    if row.status == PAUSED and before.status != PAUSED:
        billing_actions.apply_pause(session, row)
    session.flush()
    after = Facts.of(row)
    fitted = plans.refresh(session, workspace, now, tell=not after.was_paused(before))
    subscription_news.tell(session, workspace, before, after, fitted, now)
    told = subscription_news.tell_invoices(session, workspace, row, seen.invoices, now)
    if before == after and not told:
        return UNCHANGED
    row.months_due_at = now  # one may have been paid for, or cut short
    return f"Set to {row.status}."


def surplus(session: Session, asked: Ask, seen: CustomerSeen) -> list[SubscriptionSeen]:
    """Return live subscriptions beyond the one we keep: somebody paid twice in two tabs."""
    row = session.get(Subscription, asked.workspace_id)
    kept = pick(seen, row.stripe_id if row else None)
    return [each for each in seen.subscriptions if each is not kept and each.status in LIVE]


def pick(seen: CustomerSeen, known: str | None) -> SubscriptionSeen | None:
    """Return the one that counts: of the live ones, else of all, the one we know.

    If we know none of them, it is the oldest live one, else the newest.
    """
    live = [each for each in seen.subscriptions if each.status in LIVE]
    for each in live or seen.subscriptions:
        if each.id == known:
            return each
    return live[-1] if live else next(iter(seen.subscriptions), None)


def status_of(seen: SubscriptionSeen) -> str:
    """Return the status as we call it: the older kind of pause leaves Stripe's on active."""
    return PAUSED if seen.collection_paused and seen.status == "active" else seen.status


def tariff_of(row: Subscription) -> Tariff | None:
    """Return what the subscription costs."""
    if row.plan is None or row.price is None or row.every is None:
        return None
    return Tariff(PlanName(row.plan), Every(row.every), row.price)


def _set(row: Subscription, seen: CustomerSeen, ticket: int, now: datetime) -> None:
    row.ticket, row.synced_at = ticket, now
    row.balance = seen.balance
    row.next_amount, row.next_discount = seen.next_amount, seen.next_discount
    row.card = vars(seen.card) if seen.card else None
    found = pick(seen, row.stripe_id)
    if found is None:
        return
    row.stripe_id, row.status = found.id, status_of(found)
    row.plan, row.every = found.tariff.plan.value, found.tariff.every.value
    row.amount, row.currency = found.tariff.price.cents, found.tariff.price.currency
    row.flexible, row.started_at = found.flexible, found.started_at
    row.period_start, row.period_end = found.period_start, found.period_end
    row.ends_at, row.ended_at = found.ends_at, found.ended_at
    _set_missing_payment(row, found, seen)
    _set_pause(row, found, seen, now)


def _set_pause(
    row: Subscription, found: SubscriptionSeen, seen: CustomerSeen, now: datetime
) -> None:
    if row.status != PAUSED:
        row.paused_at = row.pause_until = row.pause_credit = None
        return
    row.paused_at = row.paused_at or found.paused_at or now
    if not found.collection_paused:
        row.pause_credit = max(0, found.held - seen.waiting)


def _set_missing_payment(row: Subscription, found: SubscriptionSeen, seen: CustomerSeen) -> None:
    """Say since when a payment is missing and where it can be made: the oldest one first."""
    row.payment_url = found.payment_url
    if row.status not in {"past_due", "unpaid"}:
        row.past_due_since = None
        return
    tried = min((each for each in seen.invoices if each.failed), key=_created, default=None)
    if tried is None:
        row.past_due_since = row.past_due_since or row.period_start
    else:
        row.past_due_since, row.payment_url = tried.created_at, tried.hosted_url


def _created(invoice: InvoiceSeen) -> datetime:
    return invoice.created_at
