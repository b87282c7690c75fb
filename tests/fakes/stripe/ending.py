"""How subscriptions end: at the period's end, at once, or with their customer."""

from tests.fakes.stripe import changes, invoices
from tests.fakes.stripe.cards import Situation
from tests.fakes.stripe.errors import no_such
from tests.fakes.stripe.invoice_items import remove, store, waiting, waiting_of
from tests.fakes.stripe.invoice_shape import subscription_of
from tests.fakes.stripe.state import Obj, State

ENDED = ("canceled", "incomplete_expired")


def plan(state: State, subscription: Obj, params: Obj) -> None:
    """Set or undo the end of a subscription: with its current period, or at a moment."""
    moment = params.get("cancel_at")
    if moment is None and "cancel_at_period_end" not in params:
        return
    if moment and isinstance(moment, str):
        raise NotImplementedError("cancel_at takes a moment here, not a word")
    with_period = params.get("cancel_at_period_end", False)
    moment = changes.period_end(subscription) if with_period else moment or None
    subscription |= {
        "cancel_at": moment,
        "cancel_at_period_end": with_period,
        "canceled_at": state.now if moment else None,
    }
    details = subscription["cancellation_details"]
    details["reason"] = "cancellation_requested" if moment else None


def note(subscription: Obj, details: Obj) -> None:
    """Keep what a customer said about leaving."""
    kept = {name: details[name] or None for name in ("comment", "feedback") if name in details}
    subscription["cancellation_details"] |= kept


def cancel(state: State, params: Obj, key: str) -> Obj:
    """End a subscription now; money only as `prorate` and `invoice_now` say."""
    subscription = state.get("subscription", key)
    if subscription["status"] in ENDED:
        raise no_such("subscription", key)
    prorate, invoice_now = params.get("prorate", False), params.get("invoice_now", False)
    if prorate and subscription["status"] != "paused":
        change = changes.stop(state, subscription, state.now)
        for line in change.lines:
            store(state, line, subscription["customer"])
        change.apply(state, subscription)
    note(subscription, params.get("cancellation_details") or {})
    end(state, subscription, "cancellation_requested")
    if invoice_now:
        last_invoice(state, subscription)
    elif not prorate:
        _forget_prorations(state, subscription)
    return subscription


def _forget_prorations(state: State, subscription: Obj) -> None:
    """As Stripe's reference says of a cancellation with neither `invoice_now` nor `prorate`."""
    for item in waiting_of(state, subscription["id"]):
        if item["proration"]:
            remove(state, item)


def last_invoice(state: State, subscription: Obj) -> None:
    """Bill what still waits for an invoice."""
    customer = state.get("customer", subscription["customer"])
    lines = waiting(state, customer["id"], subscription["id"])
    if lines:
        invoice = invoices.create(state, customer, subscription, lines, "subscription_update")
        invoices.collect(state, invoice, Situation.AWAY)


def end(state: State, subscription: Obj, reason: str) -> None:
    """End it and stop collecting what is open; drafts stay drafts, as at Stripe."""
    for invoice in state.all("invoice"):
        if subscription_of(invoice) == subscription["id"]:
            _stop_collecting(state, invoice)
    subscription |= {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or state.now,
        "ended_at": state.now,
        "pending_update": None,
        "status_details": None,
    }
    details = subscription["cancellation_details"]
    details["reason"] = details["reason"] or reason
    state.emit("customer.subscription.deleted", subscription)


def _stop_collecting(state: State, invoice: Obj) -> None:
    if invoice["id"] in state.awaited and invoice["status"] == "open":
        invoices.void(state, invoice)
    if invoice["status"] in ("draft", "open"):
        with state.changing(invoice, "invoice.updated"):
            invoice["auto_advance"] = False
            invoice["next_payment_attempt"] = None
            invoice["automatically_finalizes_at"] = None


def delete_customer(state: State, _params: Obj, key: str) -> Obj:
    """Delete a customer; subscriptions end with it."""
    customer = state.get("customer", key, "customer")
    for subscription in state.all("subscription", customer=key):
        if subscription["status"] not in ENDED:
            end(state, subscription, "cancellation_requested")
    state.emit("customer.deleted", customer)
    gone = {"id": key, "object": "customer", "deleted": True}
    state.table("customer")[key] = {**customer, **gone}
    return gone
