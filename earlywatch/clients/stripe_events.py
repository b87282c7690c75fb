"""Events of Stripe: is one genuine, what does it speak of, and what is there to see."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe

from earlywatch.clients.stripe_base import StripeBase, in_our_words
from earlywatch.clients.stripe_reading import id_of, moment
from earlywatch.domain.money import Money
from earlywatch.errors import EarlywatchError

TOLERANCE = timedelta(minutes=5)
NOT_OURS = "The signature was not made with this endpoint's secret."
ID = re.compile(r"[!-~]{1,255}")

DISPUTE_OPENED = "charge.dispute.created"
DISPUTE_CLOSED = "charge.dispute.closed"
FRAUD_WARNING = "radar.early_fraud_warning.created"
REFUND_FAILED = "refund.failed"
# After these, looking at the customer is all there is to do.
LOOKS = frozenset(
    {
        "charge.refunded",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.upcoming",
        "invoice.voided",
        "payment_method.attached",
        "payment_method.automatically_updated",
    }
)
HANDLED = LOOKS | {DISPUTE_OPENED, DISPUTE_CLOSED, FRAUD_WARNING, REFUND_FAILED}


class NotGenuine(EarlywatchError):
    """The call does not come from Stripe, or not with this secret."""


class OutOfTime(EarlywatchError):
    """The call was signed too long ago, or its clock is ahead of ours."""


class Malformed(EarlywatchError):
    """The body is not an event."""


@dataclass(frozen=True)
class EventSeen:
    """What to look at. Whatever else an event claims may be old by now."""

    id: str
    kind: str
    object_id: str  # empty where the object has none, as an invoice to come
    customer_id: str | None


@dataclass(frozen=True)
class ChargeSeen:
    """A charge that a bank or its holder doubts, or that could not be given back."""

    customer_id: str | None
    payment_id: str | None
    amount: Money


def check_signature(payload: bytes, header: str, secret: str, now: datetime) -> None:
    """Raise NotGenuine or OutOfTime unless Stripe signed `payload` within five minutes of `now`.

    The SDK only knows of calls that are too old, and reads a clock of its own.
    """
    if not header.isascii():  # the SDK's comparison would raise
        raise NotGenuine(NOT_OURS)
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret)
    except (stripe.SignatureVerificationError, UnicodeError):
        raise NotGenuine(NOT_OURS) from None
    signed_at = _signed_at(header)
    if signed_at is None or abs(now - signed_at) > TOLERANCE:
        raise OutOfTime("The signature is more than five minutes away from our clock.")


def read_event(payload: bytes) -> EventSeen:
    """Return what an event speaks of. Raises Malformed."""
    try:
        event = json.loads(payload)
        thing = event["data"]["object"]
        object_id = thing.get("id") or ""
        customer_id = object_id if thing.get("object") == "customer" else _id(thing.get("customer"))
        seen = EventSeen(event["id"], event["type"], object_id, customer_id or None)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Malformed("The body is not an event.") from None
    for text in (seen.id, seen.kind, seen.object_id or "-", seen.customer_id or "-"):
        if not isinstance(text, str) or not ID.fullmatch(text):
            raise Malformed("The body is not an event.")
    return seen


class EventCalls(StripeBase):
    """Looking at what some events speak of."""

    def see_dispute(self, dispute_id: str) -> ChargeSeen:
        """Return the charge that somebody disputes, with the disputed amount."""
        with in_our_words():
            dispute = self.v1.disputes.retrieve(dispute_id, {"expand": ["charge"]})
            return _read_charge(dispute.charge, Money(dispute.amount, dispute.currency))

    def see_warning(self, warning_id: str) -> ChargeSeen:
        """Return the charge that an early fraud warning is about."""
        with in_our_words():
            warning = self.v1.radar.early_fraud_warnings.retrieve(
                warning_id, {"expand": ["charge"]}
            )
            charge: Any = warning.charge
            return _read_charge(charge, Money(charge.amount, charge.currency))

    def see_refund(self, refund_id: str) -> ChargeSeen:
        """Return the charge that a refund is of, with the refund's amount."""
        with in_our_words():
            refund = self.v1.refunds.retrieve(refund_id, {"expand": ["charge"]})
            return _read_charge(refund.charge, Money(refund.amount, refund.currency))


def _read_charge(charge: Any, amount: Money) -> ChargeSeen:
    return ChargeSeen(id_of(charge.customer), id_of(charge.payment_intent), amount)


def _signed_at(header: str) -> datetime | None:
    # Of several stamps the SDK checks the first: looking at another would let old calls pass.
    parts = (part.split("=") for part in header.split(","))
    stamp = next(part[1] for part in parts if part[0] == "t")
    try:
        return moment(int(stamp))
    except (ValueError, OverflowError, OSError):
        return None


def _id(reference: Any) -> Any:
    return reference.get("id") if isinstance(reference, dict) else reference
