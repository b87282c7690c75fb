"""What holds for our copies, papers and acts once we have heard of everything."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from earlywatch.domain.plans import PlanName, plan_in_force
from earlywatch.models import BillingAction, BillingChange, BillingMail, Subscription
from earlywatch.models.billing import ActionState
from earlywatch.services.billing_actions import UNFINISHED, WITHOUT_EFFECT
from tests.billing import Shop
from tests.errands.presses import OWNER
from tests.errands.timelines import Look, Timelines

PREFIX = "earlywatch_"
FEW_MINUTES = timedelta(minutes=6)  # five until we give up, and one between two attempts


def check_copy(shop: Shop, times: Timelines) -> None:
    """Our subscription is Stripe's, it is the only one, and the plan in force follows from it."""
    row = shop.session.get(Subscription, shop.workspace.id, populate_existing=True)
    live = [look for look in times.last() if look.live]
    if row is None or row.stripe_id is None:
        assert live == []
        assert shop.plan == PlanName.FREE
        return
    seen = times.looks[row.stripe_id][-1]
    assert live in ([], [seen]), "somebody pays twice"
    assert _ours(row) == _theirs(seen)
    since = _past_due_since(shop, seen)
    assert row.past_due_since == since
    assert (row.paused_at is not None) == (row.status == "paused")
    in_force = plan_in_force(
        paid=PlanName(seen.product.removeprefix(PREFIX)),
        status=seen.status if seen.collecting else "paused",
        past_due_since=since,
        gift=None,
        gift_until=None,
        now=shop.now,
    )
    assert shop.plan == in_force


def _ours(row: Subscription) -> tuple[object, ...]:
    ends_at = row.ends_at and int(row.ends_at.timestamp())
    assert row.period_start
    assert row.period_end
    period = int(row.period_start.timestamp()), int(row.period_end.timestamp())
    return row.status, f"{PREFIX}{row.plan}", row.every, row.amount, *period, ends_at


def _theirs(seen: Look) -> tuple[object, ...]:
    status = "paused" if seen.status == "active" and not seen.collecting else seen.status
    return status, seen.product, seen.every, seen.cents, seen.start, seen.end, seen.ends_at


def _past_due_since(shop: Shop, seen: Look) -> datetime | None:
    """Return when the oldest invoice was made that was tried and is open."""
    if seen.status not in ("past_due", "unpaid"):
        return None
    opened = shop.stripe.state.all("invoice", status="open")
    return datetime.fromtimestamp(min(each["created"] for each in opened if each["attempted"]), UTC)


def check_papers(shop: Shop) -> None:
    """Each charge has one receipt, each charge and each refund one line of the history."""
    charged: Counter[tuple[str, int]] = Counter()
    refunded: Counter[tuple[str, int]] = Counter()
    for entry in shop.stripe.ledger():
        if entry.kind == "payment":
            charged[str(entry.invoice), entry.cents] += 1
        else:
            refunded[entry.id, entry.cents] += 1
    receipts = select(BillingMail.about).where(
        BillingMail.kind == "receipt", BillingMail.address == OWNER
    )
    assert Counter(shop.session.scalars(receipts)) == Counter(invoice for invoice, _ in charged)
    told: dict[str, Counter[tuple[str, int]]] = {"charged": Counter(), "refunded": Counter()}
    lines = select(BillingChange.kind, BillingChange.about, BillingChange.amount).where(
        BillingChange.amount.is_not(None)
    )
    for kind, about, cents in shop.session.execute(lines):
        told[kind][about, cents or 0] += 1
    assert told == {"charged": charged, "refunded": refunded}


def check_acts(shop: Shop, times: Timelines) -> None:
    """Nothing that was pressed stays open for long, and what we said had no effect has none."""
    failed = select(BillingAction.id).where(
        BillingAction.state == ActionState.FAILED, BillingAction.answer == WITHOUT_EFFECT
    )
    denied = [str(act) for act in shop.session.scalars(failed)]
    assert not [key for key in times.keys if key.startswith(tuple(denied))]
    query = select(BillingAction).where(
        BillingAction.state.in_(UNFINISHED), BillingAction.created_at <= shop.now - FEW_MINUTES
    )
    stuck = [(act.kind, act.state, act.created_at) for act in shop.session.scalars(query)]
    assert not stuck, f"still open: {stuck}"
