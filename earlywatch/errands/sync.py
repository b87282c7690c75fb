"""Looking at Stripe and setting our copy from what is there."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from earlywatch.clients.stripe_shapes import CustomerSeen, StripeAway, StripeError, SubscriptionSeen
from earlywatch.db import transaction
from earlywatch.domain.plans import LIVE
from earlywatch.errands.door import stripe
from earlywatch.errands.refunds import refund_subscription
from earlywatch.services import subscriptions
from earlywatch.services.subscription_news import ENDED
from earlywatch.services.subscriptions import Ask

logger = logging.getLogger(__name__)

STRANGER = "Not a customer of ours."
BATCH = 100  # subscriptions compared between two looks at the clock

Repair = Callable[[int], bool | None]
Spread = Callable[[Repair, Iterable[int]], Iterable[bool | None]]


@dataclass(frozen=True)
class Reconciled:
    """What a comparison of subscriptions found: counts, and the last workspace."""

    looked: int
    repaired: int
    away: int  # Stripe did not answer; the next round looks again
    last: int | None = None  # None: there was none left

    def __add__(self, later: Self) -> "Reconciled":
        """Return both together."""
        return Reconciled(
            self.looked + later.looked,
            self.repaired + later.repaired,
            self.away + later.away,
            later.last,
        )


def sync(workspace_id: int, now: datetime) -> str:
    """Set our copy from Stripe. Return a sentence for operators. Raises StripeError."""
    with transaction() as session:
        asked = subscriptions.ask(session, workspace_id)
    return _sync(asked, now) if asked else "It never went to Stripe."


def sync_customer(customer_id: str, now: datetime) -> str:
    """Set our copy of a customer's subscription, if the customer is ours. Raises StripeError."""
    with transaction() as session:
        workspace_id = subscriptions.find_workspace_id(session, customer_id)
    return sync(workspace_id, now) if workspace_id else STRANGER


def sync_checkout(workspace_id: int, session_id: str, now: datetime) -> bool:
    """Tell whether the subscription paid in a checkout is ours by now. Raises StripeError."""
    with transaction() as session:
        row = subscriptions.find(session, workspace_id)
        if row and row.status in LIVE:
            return True
    checkout = stripe().see_checkout(session_id)
    if not checkout.complete or checkout.workspace_id != workspace_id:
        return False
    sync(workspace_id, now)
    with transaction() as session:
        row = subscriptions.find(session, workspace_id)
        return row is not None and row.status in LIVE


def reconcile(
    now: datetime, since: datetime | None = None, after: int = 0, spread: Spread = map
) -> Reconciled:
    """Compare the next subscriptions with Stripe and repair ours; one that fails stops no other.

    At most `BATCH` of those behind the workspace `after` that nobody looked at `since`. `spread`
    may do several at a time.
    """
    with transaction() as session:
        found = subscriptions.to_compare(session, now, since, after, BATCH)
    outcomes = list(spread(partial(_repair, now=now), found))
    last = found[-1] if found else None
    return Reconciled(len(outcomes), outcomes.count(True), outcomes.count(None), last)


def _repair(workspace_id: int, now: datetime) -> bool | None:
    """Return whether our copy was wrong; None if Stripe did not answer."""
    try:
        outcome = sync(workspace_id, now)
    except StripeError as error:
        fields = {"workspace_id": workspace_id, "error": type(error).__name__}
        logger.warning("reconciliation left one out", extra=fields)
        return None
    except Exception:  # one broken row must not stop the others
        logger.exception("reconciliation failed", extra={"workspace_id": workspace_id})
        return None
    return outcome != subscriptions.UNCHANGED


def _sync(asked: Ask, now: datetime) -> str:
    seen = stripe().see_customer(asked.customer_id)
    with transaction() as session:
        outcome = subscriptions.write(session, asked, seen, now)
        surplus = subscriptions.surplus(session, asked, seen)
    _end_surplus(asked, seen, surplus, now)
    _drop_unpaid(asked, seen)
    _unite_cards(asked, (each for each in seen.subscriptions if each not in surplus))
    return outcome


def _end_surplus(
    asked: Ask, seen: CustomerSeen, surplus: Iterable[SubscriptionSeen], now: datetime
) -> None:
    """Cancel a second subscription and give all of its money back: nobody pays twice."""
    for each in surplus:
        try:
            refund_subscription(asked.workspace_id, seen, each, now)
        except StripeAway:
            logger.warning("second subscription waits", extra={"workspace_id": asked.workspace_id})


def _drop_unpaid(asked: Ask, seen: CustomerSeen) -> None:
    """Void what an ended subscription still asks for: its page could be paid, for nothing."""
    ended = {each.id for each in seen.subscriptions if each.status in ENDED}
    unpaid = {each.subscription_id for each in seen.invoices if each.status == "open"}
    for subscription_id in sorted(ended.intersection(unpaid)):
        try:
            stripe().void_unpaid(subscription_id)
        except StripeError:
            logger.warning("open invoice waits", extra={"workspace_id": asked.workspace_id})


def _unite_cards(asked: Ask, kept: Iterable[SubscriptionSeen]) -> None:
    """Let "Change card" change the card that is charged: a checkout leaves one apart from it."""
    for each in kept:
        if not (each.own_card and each.status in LIVE):
            continue
        try:
            stripe().unite_cards(each.id)
        except StripeError:
            logger.warning("card waits", extra={"workspace_id": asked.workspace_id})
