"""Stripe's objects, made into our own. Money stays in cents, moments become UTC."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from earlywatch.clients.stripe_shapes import (
    Card,
    Checkout,
    InvoiceSeen,
    PaymentSeen,
    Preview,
    RefundSeen,
    SubscriptionSeen,
    Tariff,
)
from earlywatch.domain.money import Money
from earlywatch.domain.plans import Every, PlanName
from earlywatch.domain.proration import Line

PREFIX = "earlywatch_"  # of everything that `earlywatch billing setup` makes at Stripe
# A refund that failed or was cancelled brought nothing back.
HOLDING = {"pending", "requires_action", "succeeded"}


class NotOurs(Exception):
    """A price of something that we do not sell."""


def moment(seconds: int | None) -> datetime | None:
    """Return the moment (UTC) of a Unix time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def read_checkout(session: Any) -> Checkout:
    """Return what became of a Checkout Session."""
    reference = session.client_reference_id or ""
    return Checkout(
        id=session.id,
        url=session.url,
        complete=session.status == "complete",
        workspace_id=int(reference) if reference.isascii() and reference.isdigit() else None,
    )


def read_card(method: Any) -> Card | None:
    """Return the card of a payment method; None for other kinds."""
    card = getattr(method, "card", None)
    return Card(card.brand, card.last4, card.exp_month, card.exp_year) if card else None


def read_tariff(price: Any) -> Tariff:
    """Return what a price is for. Raises NotOurs."""
    product = id_of(price.product) or ""
    try:
        plan = PlanName(product.removeprefix(PREFIX))
        every = Every(price.recurring.interval)
    except ValueError:
        raise NotOurs(product) from None
    return Tariff(plan, every, Money(price.unit_amount, price.currency))


def read_subscription(subscription: Any, balance: int) -> SubscriptionSeen:
    """Return a subscription; `latest_invoice` must be expanded. Raises NotOurs.

    `balance` is the customer's, in cents; a negative one pays what is still a draft.
    """
    item = subscription["items"].data[0]  # `.items` would be a method
    details = subscription.status_details
    paused = details.paused if details else None
    waiting, renewing = _waiting_invoice(subscription), _is_renewing(subscription, balance)
    return SubscriptionSeen(
        id=subscription.id,
        item_id=item.id,
        status=subscription.status,
        tariff=read_tariff(item.price),
        flexible=subscription.billing_mode.type == "flexible",
        collection_paused=subscription.pause_collection is not None,
        created_at=_sure(subscription.created),
        started_at=_sure(subscription.start_date),
        period_start=_sure(item.current_period_start),
        period_end=_sure(item.current_period_end),
        ends_at=moment(subscription.cancel_at),
        ended_at=moment(subscription.ended_at),
        paused_at=moment(paused.transitioned_at) if paused else None,
        renewing=renewing,
        drafted=renewing and subscription.latest_invoice.status == "draft",
        own_card=subscription.default_payment_method is not None,
        waiting_invoice=waiting.id if waiting else None,
        payment_url=waiting.hosted_invoice_url if waiting else None,
        waiting_due=waiting.amount_remaining if waiting else 0,
        waiting_discount=_discount(waiting.lines.data) if waiting else 0,
        held=_credit(waiting.lines.data) if waiting and subscription.status == "paused" else 0,
    )


def read_invoice(invoice: Any, payments: Mapping[str, PaymentSeen]) -> InvoiceSeen:
    """Return an invoice; its own `payments` must be expanded."""
    listed = invoice.payments.data if invoice.payments else ()
    ids = [found for each in listed if (found := _payment_id(each))]
    seen = {each: payments[each] for each in ids if each in payments}
    return InvoiceSeen(
        id=invoice.id,
        subscription_id=subscription_of(invoice),
        number=invoice.number,
        status=invoice.status,
        total=invoice.total,
        paid=invoice.amount_paid,
        due=invoice.amount_remaining if invoice.status == "open" else 0,
        used=(invoice.ending_balance or 0) - (invoice.starting_balance or 0),
        refunded=sum(each.refunded for each in seen.values()),
        withheld=sum(each.withheld for each in seen.values()),
        refunds=tuple(refund for each in seen.values() for refund in each.refunds),
        currency=invoice.currency,
        created_at=_sure(invoice.created),
        lines=tuple(_lines(invoice.lines.data)),
        payment_ids=tuple(each for each in ids if each not in seen or not seen[each].disputed),
        hosted_url=invoice.hosted_invoice_url,
        failed=invoice.status == "open" and invoice.attempt_count > 0,
        next_attempt_at=moment(invoice.next_payment_attempt),
    )


def read_payment(charge: Any) -> PaymentSeen:
    """Return what became of a charge; its `refunds` must be expanded."""
    listed = charge.refunds.data if charge.refunds else ()
    refunds = (
        RefundSeen(each.id, each.amount, action_of(each))
        for each in listed
        if each.status in HOLDING
    )
    withheld = charge.amount if charge.disputed else charge.amount_refunded
    return PaymentSeen(charge.amount_refunded, withheld, charge.disputed, tuple(refunds))


def action_of(refund: Any) -> str | None:
    """Return which of our acts a refund belongs to; None if it was made at Stripe."""
    found: str | None = refund.metadata.to_dict().get("action_id") if refund.metadata else None
    return found


def read_preview(invoice: Any) -> Preview:
    """Return what a previewed invoice would cost."""
    lines = invoice.lines.data
    ends = [line.period.end for line in lines if line.amount > 0]
    return Preview(
        lines=tuple((line.description or "", _net(line)) for line in lines),
        total=invoice.total,
        due=invoice.amount_due,
        balance_after=invoice.ending_balance or 0,
        credit=_credit(lines),
        discount=_discount(lines),
        currency=invoice.currency,
        period_end=moment(max(ends)) if ends else None,
    )


def id_of(reference: Any) -> str | None:
    """Return the id of something that may be expanded."""
    return reference if reference is None or isinstance(reference, str) else reference.id


def subscription_of(thing: Any) -> str | None:
    """Return which subscription an invoice, or an item of one to come, is for."""
    details = thing.parent.subscription_details if thing.parent else None
    return id_of(details.subscription) if details else None


def _lines(lines: Iterable[Any]) -> Iterable[Line]:
    for line in lines:
        yield Line(_net(line), _sure(line.period.start), _sure(line.period.end))


def _net(line: Any) -> int:
    """Return what a line really costs, in cents: discounts are apart from its amount."""
    discounts = sum(discount.amount for discount in line.discount_amounts or ())
    taxes = sum(tax.amount for tax in line.taxes or () if tax.tax_behavior == "exclusive")
    return int(line.amount - discounts + taxes)


def _is_renewing(subscription: Any, balance: int) -> bool:
    """Whether a new period has begun whose invoice is not even open, or was voided by us."""
    invoice = subscription.latest_invoice
    return (
        subscription.status == "active"
        and invoice is not None
        and invoice.billing_reason == "subscription_cycle"
        and invoice.status != "paid"
        and not (invoice.status == "draft" and invoice.total <= -balance)
    )


def _waiting_invoice(subscription: Any) -> Any:
    """Return the open invoice that a change or a resumption waits for."""
    invoice = subscription.latest_invoice
    waits = subscription.pending_update or subscription.status in {"paused", "incomplete"}
    return invoice if waits and invoice and invoice.status == "open" else None


def _credit(lines: Iterable[Any]) -> int:
    """Return the credits among the lines, in cents: they come back if the invoice is dropped."""
    return -sum(min(0, _net(line)) for line in lines)


def _discount(lines: Iterable[Any]) -> int:
    """Return what coupons take off the lines that are charged, in cents."""
    charged = (line for line in lines if line.amount > 0)
    return sum(each.amount for line in charged for each in line.discount_amounts or ())


def _payment_id(payment: Any) -> str | None:
    """Return the payment intent; one that was recorded by hand at Stripe has none."""
    intent = getattr(payment.payment, "payment_intent", None)
    return id_of(intent) if payment.status == "paid" else None


def _sure(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
