"""Giving money back to the card: what is owed, from which payments, and once only."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_shapes import (
    CustomerSeen,
    InvoiceSeen,
    StripeRefused,
    SubscriptionSeen,
)
from earlywatch.db import transaction
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.money import Money
from earlywatch.domain.plans import CURRENCY
from earlywatch.domain.proration import unused_days_from, value_between
from earlywatch.errands import operators
from earlywatch.errands.door import stripe
from earlywatch.models import BillingAction, Workspace
from earlywatch.models.billing import ActionKind, ActionState
from earlywatch.services import billing_actions, history, invoices
from earlywatch.services.billing_actions import Pressed
from earlywatch.services.subscription_news import ENDED

logger = logging.getLogger(__name__)

Shares = dict[str, int]  # cents by payment
WHY_REFUSED = "The plan was cancelled; this part of its money is still with us."


def owed(
    seen: CustomerSeen, subscription: SubscriptionSeen, pause_credit: int, now: datetime
) -> int:
    """Return what we owe to a customer who ends a subscription at `now` (UTC), in cents.

    The whole unused days of what was paid, what waits as a credit, and the balance; negative:
    they owe us. `pause_credit` is what we keep ourselves for a pause that Stripe does not know.
    """
    end = subscription.period_end
    unused = pause_credit
    if subscription.status != "paused" and not subscription.collection_paused:
        paid = invoices.lines_of(_of(subscription, seen.invoices))
        unused = value_between(paid, unused_days_from(end, now), end)
    return unused + subscription.held - seen.waiting - balance_then(seen, subscription)


def balance_then(seen: CustomerSeen, subscription: SubscriptionSeen) -> int:
    """Return the balance once what is open of a subscription is voided; negative: a credit."""
    unpaid = (each for each in _of(subscription, seen.invoices) if each.status == "open")
    return seen.balance - sum(invoice.used for invoice in unpaid)


def shares(door: Stripe, seen: Iterable[InvoiceSeen], cents: int) -> Shares:
    """Return from which payments `cents` come back: the newest first, none beyond what it was."""
    found: Shares = {}
    for invoice in seen:
        for payment_id in invoice.payment_ids:
            left = cents - sum(found.values())
            if left <= 0:
                return found
            alone = len(invoice.payment_ids) == 1
            most = invoice.paid - invoice.withheld if alone else door.refundable(payment_id)
            if most > 0:
                found[payment_id] = min(left, most)
    return found


def payers(seen: CustomerSeen, subscription: SubscriptionSeen) -> list[InvoiceSeen]:
    """Return the invoices that a refund may come from when a subscription ends, newest first.

    Its own and older ones: what a second subscription took meanwhile is given back apart.
    """
    return [
        invoice
        for invoice in seen.invoices
        if invoice.subscription_id == subscription.id
        or invoice.created_at < subscription.created_at
    ]


def give_back(door: Stripe, planned: Shares, action_id: UUID) -> int:
    """Refund what of the plan has not been refunded yet; may be repeated.

    Return how many cents Stripe refused to give back, such as those of a disputed payment.
    """
    refused = 0
    for payment_id, cents in planned.items():
        left = cents - door.refunded_for(payment_id, str(action_id))
        try:
            if left > 0:
                door.refund(payment_id, left, str(action_id), f"{action_id}-{payment_id}")
        except StripeRefused:
            logger.warning("refund refused", extra={"action_id": str(action_id), "cents": left})
            refused += left
    return refused


def refund_subscription(
    workspace_id: int, seen: CustomerSeen, subscription: SubscriptionSeen, now: datetime
) -> None:
    """Cancel a subscription that should not be, and give back all that was paid for it."""
    mine = _of(subscription, seen.invoices)
    planned = shares(stripe(), mine, sum(invoice.paid for invoice in mine))
    details = {
        "subscription": subscription.id,
        "refunds": planned,
        "customer": seen.id,
        "currency": subscription.tariff.price.currency,
        "credit": sum(invoice.used for invoice in mine if invoice.status == "paid"),
    }
    why = "A second subscription was cancelled and its money given back."
    _refund(workspace_id, uuid5(NAMESPACE_URL, subscription.id), details, why, now)


def refund_payment(workspace_id: int, payment_id: str, why: str, now: datetime) -> int:
    """Give all of a payment back at once, such as after a warning of fraud; once, if repeated.

    `why` is a sentence for the history. Return how many cents came back.
    """
    details = {"refunds": {payment_id: stripe().refundable(payment_id)}}
    return _refund(workspace_id, uuid5(NAMESPACE_URL, f"refund:{payment_id}"), details, why, now)


def _refund(
    workspace_id: int, action_id: UUID, details: dict[str, Any], why: str, now: datetime
) -> int:
    pressed = Pressed(action_id, workspace_id, history.EARLYWATCH, ActionKind.REFUND, details)
    with transaction() as session:
        known = billing_actions.press(session, pressed, now)
        history.add(session, workspace_id, "refund", str(action_id), pressed.actor, why, now)
    if known and known.state == ActionState.DONE:
        return _came_back(known.details["refunds"], known.details.get("refused", 0))
    cents = follow_refund(action_id, known.details if known else details, now)
    with transaction() as session:
        billing_actions.settle(session, action_id, ActionState.DONE, why, now)
    return cents


def follow_refund(action_id: UUID, details: dict[str, Any], now: datetime) -> int:
    """Do what a refund was planned to do; may be repeated. Return how many cents come back.

    What Stripe refuses is told to the operators.
    """
    door, planned = stripe(), details["refunds"]
    if "subscription" in details:
        door.cancel(details["subscription"])
    refused = give_back(door, planned, action_id)
    if details.get("credit"):
        _credit_once(details, details["credit"], action_id)
    if refused:
        with transaction() as session:
            billing_actions.note(session, action_id, refused=refused)
            workspace_id = session.get_one(BillingAction, action_id).workspace_id
        money = Money(refused, details.get("currency", CURRENCY))
        tell_refused(workspace_id, str(action_id), money, now)
    return _came_back(planned, refused)


def _came_back(planned: Shares, refused: int) -> int:
    return sum(planned.values()) - refused


def was_cancelled(about: dict[str, Any]) -> bool:
    """Tell whether the subscription of a cancellation has ended; what it planned is in `about`."""
    if "refunds" not in about:
        return False  # it was not even asked for
    seen = stripe().see_customer(about["customer"]).subscriptions
    return any(each.id == about["subscription"] and each.status in ENDED for each in seen)


def follow_cancel(action_id: UUID) -> tuple[Money, Money]:
    """Do what follows a cancellation: refunds, and nothing left to charge. May be repeated.

    Return what goes back to the card, and what Stripe refused to give back.
    """
    door = stripe()
    with transaction() as session:
        about = session.get_one(BillingAction, action_id, populate_existing=True).details
    planned: Shares = about["refunds"]
    refused = give_back(door, planned, action_id)
    door.void_unpaid(about["subscription"])
    door.drop_waiting(about["customer"], about["subscription"])
    # What was on the balance went back to the card, or was kept back of what did.
    _credit_once(about, about["balance"] - about["balance_after"] + refused, action_id)
    back = sum(planned.values()) - refused
    return Money(back, about["currency"]), Money(refused, about["currency"])


def _credit_once(about: dict[str, Any], cents: int, action_id: UUID) -> None:
    """Settle the balance after a refund; negative takes credit away."""
    door, words = stripe(), f"Settled with refund {action_id}"
    if cents and not door.has_credit(about["customer"], words):
        key = f"{action_id}-balance"
        door.credit(about["customer"], cents, about["currency"], words, key)


def tell_refused(workspace_id: int, about: str, refused: Money, now: datetime) -> None:
    """Say in the history, and to the operators, what could not be given back to a card."""
    sentence = f"Stripe refused to give {refused.words} back to the card. The operators were told."
    with transaction() as session:
        name = session.get_one(Workspace, workspace_id).name
        history.add(session, workspace_id, "refund_refused", about, history.STRIPE, sentence, now)
        letter = letters.refund_refused(workspace=name, amount=refused, reason=WHY_REFUSED)
        operators.tell(session, workspace_id, "refund_refused", about, letter, now)


def _of(subscription: SubscriptionSeen, seen: Iterable[InvoiceSeen]) -> list[InvoiceSeen]:
    return [invoice for invoice in seen if invoice.subscription_id == subscription.id]
