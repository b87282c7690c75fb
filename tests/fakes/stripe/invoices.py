"""The life of an invoice: draft, open, then paid, void or uncollectible."""

from tests.fakes.stripe import customers, invoice_items, payments
from tests.fakes.stripe.cards import Situation
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.invoice_shape import compose, subscription_of, weigh
from tests.fakes.stripe.lines import Line
from tests.fakes.stripe.periods import DAY, HOUR
from tests.fakes.stripe.state import Awaited, Obj, State

RETRIED = ("subscription_cycle", "subscription_update")


def create(
    state: State,
    customer: Obj,
    subscription: Obj | None,
    lines: list[Line],
    reason: str,
    period: tuple[int, int] | None = None,
) -> Obj:
    """Store a draft; lines that waited for it are on it."""
    waited = [line.invoice_item for line in lines if line.invoice_item]
    kept = [
        invoice_items.store(state, line, customer["id"])
        if line.proration and not line.invoice_item
        else line
        for line in lines
    ]
    invoice = state.add(compose(state, customer, subscription, kept, reason, period))
    state.swept[invoice["id"]] = waited
    for line in kept:
        if line.invoice_item:
            state.get("invoiceitem", line.invoice_item)["invoice"] = invoice["id"]
    if subscription:
        with state.changing(subscription, "customer.subscription.updated"):
            subscription["latest_invoice"] = invoice["id"]
    state.emit("invoice.created", invoice)
    return invoice


def finalize(state: State, invoice: Obj) -> None:
    """Number a draft, take the customer's credit into account and open it (or be done)."""
    customer = state.get("customer", invoice["customer"])
    weigh(invoice, customer["balance"])
    change = invoice["ending_balance"] - customer["balance"]
    if change:
        kind = "applied_to_invoice" if invoice["ending_balance"] <= 0 else "invoice_too_small"
        with state.changing(customer, "customer.updated"):
            customers.move_balance(state, customer, change, kind, invoice["id"])
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] += 1
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{number:04d}",
        "effective_at": state.now,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{state.url}/i/{invoice['id']}",
        "invoice_pdf": f"{state.url}/i/{invoice['id']}/pdf",
    }
    invoice["status_transitions"]["finalized_at"] = state.now
    if invoice["amount_due"]:
        payments.intent_for(state, invoice)
    state.emit("invoice.finalized", invoice)
    if not invoice["amount_due"]:
        _mark_paid(state, invoice)


def attempt(
    state: State,
    invoice: Obj,
    situation: Situation,
    method: Obj | None = None,
    by_clock: bool = False,
) -> Refused | None:
    """Try to collect an open invoice; return why it failed.

    Only the schedule counts attempts after the first, as at Stripe.
    """
    if invoice["status"] != "open":
        return None
    method = method or card_for(state, invoice)
    if by_clock or not invoice["attempted"]:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    error = payments.charge(state, invoice, method, situation) if method else payments.NO_CARD
    if error is None:
        invoice |= {"amount_paid": invoice["amount_due"], "amount_remaining": 0}
        _mark_paid(state, invoice)
    else:
        _mark_failed(state, invoice, error)
    return error


def card_for(state: State, invoice: Obj) -> Obj | None:
    """Return the card that pays: the invoice's, the subscription's, the customer's."""
    customer = state.get("customer", invoice["customer"])
    key = invoice["default_payment_method"]
    if not key and (found := subscription_of(invoice)):
        key = state.get("subscription", found)["default_payment_method"]
    key = key or customer["invoice_settings"]["default_payment_method"]
    return state.get("payment_method", key) if key else None


def _mark_paid(state: State, invoice: Obj) -> None:
    invoice |= {
        "status": "paid",
        "auto_advance": False,
        "attempted": True,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = state.now
    awaited = state.awaited.pop(invoice["id"], None)
    if awaited:
        awaited.on_paid()
    _end_arrears(state, invoice)
    state.emit("invoice.paid", invoice)
    state.emit("invoice.payment_succeeded", invoice)


def _end_arrears(state: State, invoice: Obj) -> None:
    """A subscription in arrears is well again when its latest invoice is settled somehow."""
    subscription = state.table("subscription").get(subscription_of(invoice) or "")
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in ("past_due", "unpaid"):
        with state.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "active"


def _mark_failed(state: State, invoice: Obj, error: Refused) -> None:
    invoice["next_payment_attempt"] = _next_attempt(state, invoice)
    needs_person = error.error.get("code") == "authentication_required"
    if needs_person:
        state.emit("invoice.payment_action_required", invoice)
    state.emit("invoice.payment_failed", invoice)
    awaited = state.awaited.get(invoice["id"])
    if awaited:
        if awaited.on_failed:
            del state.awaited[invoice["id"]]
            awaited.on_failed()
        return
    subscription = state.table("subscription").get(subscription_of(invoice) or "")
    if subscription and subscription["status"] == "active":
        with state.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "past_due"


def _next_attempt(state: State, invoice: Obj) -> int | None:
    """Return when the schedule tries again, None when it is over or there is none."""
    done = invoice["attempt_count"] - 1
    if invoice["id"] in state.awaited or not invoice["auto_advance"]:
        return None
    if invoice["billing_reason"] not in RETRIED or done >= len(state.rules.retry_days):
        return None
    first: int = invoice["status_transitions"]["finalized_at"]
    wait: int = state.rules.retry_days[done] * DAY
    return first + wait


def void(state: State, invoice: Obj) -> None:
    """Void an open invoice; what depended on its payment does not happen.

    Then the credits it had taken along wait for the next invoice again: that of a resumption
    that was never paid must not cost the customer the unused time.
    """
    if invoice["status"] == "open":
        _give_back_balance(state, invoice)
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["automatically_finalizes_at"] = None
    invoice["status_transitions"]["voided_at"] = state.now
    payments.cancel_intent(state, invoice)
    state.emit("invoice.voided", invoice)
    _end_arrears(state, invoice)
    awaited = state.awaited.pop(invoice["id"], None)
    if awaited:
        for key in state.swept[invoice["id"]]:
            state.get("invoiceitem", key)["invoice"] = None
        awaited.on_dropped()


def _give_back_balance(state: State, invoice: Obj) -> None:
    change = invoice["starting_balance"] - invoice["ending_balance"]
    if change:
        customer = state.get("customer", invoice["customer"])
        with state.changing(customer, "customer.updated"):
            kind = "unapplied_from_invoice"
            customers.move_balance(state, customer, change, kind, invoice["id"])


def collect(
    state: State, invoice: Obj, situation: Situation, awaited: Awaited | None = None
) -> Refused | None:
    """Finalize a draft and try to collect it at once; return why that failed."""
    if awaited:
        state.awaited[invoice["id"]] = awaited
    finalize(state, invoice)
    return attempt(state, invoice, situation)


def leave_as_draft(state: State, invoice: Obj) -> None:
    """Let the clock finalize a draft after a while, as Stripe does with renewals."""
    wait = round(state.rules.hours_as_draft * HOUR)
    invoice["automatically_finalizes_at"] = state.now + wait


def write_off(state: State, invoice: Obj, reason: str) -> None:
    """Mark an open invoice uncollectible: nobody expects the money any more."""
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    invoice["status_transitions"]["marked_uncollectible_at"] = state.now
    state.emit("invoice.marked_uncollectible", invoice)
    awaited = state.awaited.pop(invoice["id"], None)
    if awaited:
        awaited.on_paid()
    _end_arrears(state, invoice)
