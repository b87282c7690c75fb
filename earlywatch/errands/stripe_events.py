"""What each kind of Stripe's events makes us do: look, and for a few kinds a little more.

Everything here may be repeated, since a worker can die at any line.
"""

from collections.abc import Callable
from datetime import datetime

from earlywatch.clients.stripe_events import (
    DISPUTE_CLOSED,
    DISPUTE_OPENED,
    FRAUD_WARNING,
    LOOKS,
    REFUND_FAILED,
    ChargeSeen,
)
from earlywatch.db import transaction
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.letter import Letter
from earlywatch.domain.money import Money
from earlywatch.errands import operators
from earlywatch.errands.door import stripe
from earlywatch.errands.refunds import refund_payment
from earlywatch.errands.sync import STRANGER, sync, sync_customer
from earlywatch.models import Workspace
from earlywatch.services import billing_mails, history, subscriptions
from earlywatch.services.billing_mails import Whom
from earlywatch.services.events import Claimed

NOTHING = "Nothing to do."
WHY_REFUNDED = (
    "Your bank warned us that this charge may not have been yours. Your plan and your monitors stay"
    " as they are."
)


def handle(event: Claimed, now: datetime) -> str:
    """Do what an event asks for. Return a sentence for operators. Raises StripeError."""
    if event.kind == DISPUTE_OPENED:
        return _dispute(event.object_id, now)
    if event.kind == DISPUTE_CLOSED:
        return _look(stripe().see_dispute(event.object_id).customer_id, now)
    if event.kind == FRAUD_WARNING:
        return _fraud(event.object_id, now)
    if event.kind == REFUND_FAILED:
        return _refund_failed(event.object_id, now)
    return _look(event.customer_id if event.kind in LOOKS else None, now)


def _look(customer_id: str | None, now: datetime) -> str:
    return sync_customer(customer_id, now) if customer_id else NOTHING


def _dispute(dispute_id: str, now: datetime) -> str:
    """Tell the operators, who must answer it. Nothing is frozen: it may be a mistake."""
    charge = stripe().see_dispute(dispute_id)
    workspace_id = _workspace_id(charge)
    if workspace_id is None:
        return STRANGER
    sentence = f"The bank of the card disputes a charge of {charge.amount.words}."
    with transaction() as session:
        history.add(session, workspace_id, "dispute", dispute_id, history.STRIPE, sentence, now)
    _tell_of_charge(workspace_id, "dispute", dispute_id, letters.dispute, charge, now)
    sync(workspace_id, now)
    return f"{sentence} The operators were told."


def _refund_failed(refund_id: str, now: datetime) -> str:
    """Tell the operators of money that came back to us: a person finds another way for it."""
    charge = stripe().see_refund(refund_id)
    workspace_id = _workspace_id(charge)
    if workspace_id is None:
        return STRANGER
    sentence = f"{charge.amount.words} did not reach the card. We look for another way."
    with transaction() as session:
        history.add(
            session, workspace_id, "refund_failed", refund_id, history.STRIPE, sentence, now
        )
    _tell_of_charge(workspace_id, "refund_failed", refund_id, letters.refund_failed, charge, now)
    sync(workspace_id, now)
    return f"{sentence} The operators were told."


def _fraud(warning_id: str, now: datetime) -> str:
    """Give the money back before the card's holder asks for it, and freeze nothing.

    The operators hear of it first; a refusal, say of a charge that is disputed, is told apart.
    """
    charge = stripe().see_warning(warning_id)
    workspace_id = _workspace_id(charge)
    if workspace_id is None or charge.payment_id is None:
        return STRANGER
    sentence = f"The bank of the card warned of fraud about a charge of {charge.amount.words}."
    _tell_of_charge(workspace_id, "fraud", warning_id, letters.fraud, charge, now)
    cents = refund_payment(workspace_id, charge.payment_id, sentence, now)
    back = Money(cents, charge.amount.currency)
    if back:
        letter = letters.refunded(amount=back, why=WHY_REFUNDED)
        told = ("fraud_refund", warning_id, letter, now, Whom.OWNERS)
        with transaction() as session:
            billing_mails.tell(session, workspace_id, *told)
    sync(workspace_id, now)
    return f"{sentence} {back.words} were given back, and the operators were told."


def _tell_of_charge(
    workspace_id: int,
    kind: str,
    about: str,
    compose: Callable[..., Letter],
    charge: ChargeSeen,
    now: datetime,
) -> None:
    with transaction() as session:
        name = session.get_one(Workspace, workspace_id).name
        letter = compose(workspace=name, amount=charge.amount)
        operators.tell(session, workspace_id, kind, about, letter, now)


def _workspace_id(charge: ChargeSeen) -> int | None:
    if charge.customer_id is None:
        return None
    with transaction() as session:
        return subscriptions.find_workspace_id(session, charge.customer_id)
