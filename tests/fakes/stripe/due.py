"""What happens by itself as time passes, in the order of time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.fakes.stripe import changes, checkout, discounts, ending, invoices, previews, refunds
from tests.fakes.stripe.cards import Situation
from tests.fakes.stripe.changes import period_end
from tests.fakes.stripe.invoice_items import waiting
from tests.fakes.stripe.invoice_shape import subscription_of
from tests.fakes.stripe.periods import DAY, HOUR
from tests.fakes.stripe.state import Obj, State
from tests.fakes.stripe.subscriptions import UPDATED

RENEWING = ("active", "past_due", "unpaid")


class Due(NamedTuple):
    """Something to be done at a moment (Unix seconds)."""

    at: int
    act: Callable[[State, Obj], None]
    about: Obj


def next_due(state: State) -> Due | None:
    """Return the earliest thing still to be done, whenever that is."""
    return min(_all(state), key=lambda due: due.at, default=None)


def _all(state: State) -> Iterator[Due]:
    for session in state.all("checkout.session", status="open"):
        yield Due(session["expires_at"], checkout.let_expire, session)
    for key, moment in state.doubted.items():
        yield Due(moment, _doubt, state.get("charge", key))
    for invoice in state.all("invoice"):
        yield from _of_invoice(state, invoice)
    for subscription in state.all("subscription"):
        if subscription["status"] not in ending.ENDED:
            yield from _of_subscription(state, subscription)


def _of_invoice(state: State, invoice: Obj) -> Iterator[Due]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
        yield Due(invoice["automatically_finalizes_at"], _finalize, invoice)
    if invoice["status"] == "open" and invoice["next_payment_attempt"]:
        yield Due(invoice["next_payment_attempt"], _retry, invoice)
    if invoice["id"] in state.awaited:
        yield Due(state.awaited[invoice["id"]].expires_at, invoices.void, invoice)


def _of_subscription(state: State, subscription: Obj) -> Iterator[Due]:
    pause = subscription["pause_collection"] or {}
    if pause.get("resumes_at"):
        yield Due(pause["resumes_at"], _collect_again, subscription)
    if subscription["cancel_at"] is not None:
        yield Due(subscription["cancel_at"], _end, subscription)
    elif subscription["status"] in RENEWING:
        end = period_end(subscription)
        yield Due(end, _renew, subscription)
        if state.announced.get(subscription["id"]) != end and not pause:
            early = end - state.rules.upcoming_days * DAY
            yield Due(max(early, subscription["created"]), _announce, subscription)


def _doubt(state: State, charge: Obj) -> None:
    """The bank says what the card's number promised."""
    del state.doubted[charge["id"]]
    if state.cards[charge["payment_method"]].disputed:
        refunds.dispute(state, charge, "fraudulent")
    else:
        refunds.warn_of_fraud(state, charge)


def _finalize(state: State, invoice: Obj) -> None:
    invoices.finalize(state, invoice)
    _attempt(state, invoice)


def _retry(state: State, invoice: Obj) -> None:
    invoice["next_payment_attempt"] = None
    _attempt(state, invoice)


def _attempt(state: State, invoice: Obj) -> None:
    """Try to collect; the last attempt decides what becomes of the subscription."""
    error = invoices.attempt(state, invoice, Situation.AWAY, by_clock=True)
    subscription = state.table("subscription").get(subscription_of(invoice) or "")
    if error is None or invoice["next_payment_attempt"] or subscription is None:
        return
    if state.rules.after_retries == "canceled":
        ending.end(state, subscription, "payment_failed")
    else:
        with state.changing(subscription, UPDATED):
            subscription["status"] = state.rules.after_retries


def _collect_again(state: State, subscription: Obj) -> None:
    with state.changing(subscription, UPDATED):
        subscription["pause_collection"] = None


def _end(state: State, subscription: Obj) -> None:
    """Lines that still wait are billed with the end of the period."""
    ending.end(state, subscription, "cancellation_requested")
    ending.last_invoice(state, subscription)


def _announce(state: State, subscription: Obj) -> None:
    state.announced[subscription["id"]] = period_end(subscription)
    invoice = previews.renewal(state, subscription)
    invoice["next_payment_attempt"] = period_end(subscription) + HOUR
    state.emit("invoice.upcoming", {name: invoice[name] for name in invoice if name != "id"})


def _renew(state: State, subscription: Obj) -> None:
    """Begin the next period, and bill it as `pause_collection` allows."""
    customer = state.get("customer", subscription["customer"])
    ended = subscription["items"]["data"][0]
    period = (ended["current_period_start"], ended["current_period_end"])
    change = changes.renew(state, subscription)
    with state.changing(subscription, UPDATED):
        change.apply(state, subscription)
    lines = [*waiting(state, customer["id"], subscription["id"]), *change.lines]
    reason = "subscription_cycle"
    invoice = invoices.create(state, customer, subscription, lines, reason, period)
    discounts.used_once(state, subscription)
    behavior = (subscription["pause_collection"] or {}).get("behavior")
    if behavior is None:
        invoices.leave_as_draft(state, invoice)
    elif behavior == "void":
        invoices.void(state, invoice)
    elif behavior == "keep_as_draft":
        invoice["auto_advance"] = False
    else:
        invoices.finalize(state, invoice)
        if invoice["status"] == "open":
            invoices.write_off(state, invoice, "subscription_paused")
