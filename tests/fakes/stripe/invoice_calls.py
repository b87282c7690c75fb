"""What may be asked of invoices through the API."""

from tests.fakes.stripe import customers, invoices, payment_methods
from tests.fakes.stripe.cards import Situation
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.invoice_items import remove, waiting
from tests.fakes.stripe.invoice_shape import subscription_of
from tests.fakes.stripe.periods import HOUR
from tests.fakes.stripe.state import Obj, State, merged


def create(state: State, params: Obj) -> Obj:
    """Bill by hand what waits for a customer. Raises Refused."""
    customer = customers.existing(state, params.get("customer", ""))
    key = params.get("subscription")
    subscription = state.get("subscription", key, "subscription") if key else None
    include = params.get("pending_invoice_items_behavior", "exclude") == "include"
    lines = waiting(state, customer["id"], key) if include or key else []
    invoice = invoices.create(state, customer, subscription, lines, "manual")
    invoice["auto_advance"] = params.get("auto_advance", False)
    invoice["metadata"] = merged({}, params.get("metadata"))
    if invoice["auto_advance"]:
        invoices.leave_as_draft(state, invoice)
    return invoice


def update(state: State, params: Obj, key: str) -> Obj:
    """Change what may be changed of an invoice."""
    invoice = state.get("invoice", key)
    with state.changing(invoice, "invoice.updated"):
        for name in ("auto_advance", "default_payment_method", "description"):
            invoice[name] = params.get(name, invoice[name])
        invoice["metadata"] = merged(invoice["metadata"], params.get("metadata"))
        if not invoice["auto_advance"]:
            invoice["automatically_finalizes_at"] = None
            invoice["next_payment_attempt"] = None
    return invoice


def finalize(state: State, params: Obj, key: str) -> Obj:
    """Open a draft. Raises Refused."""
    invoice = state.get("invoice", key)
    if invoice["status"] != "draft":
        raise Refused(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    invoice["auto_advance"] = params.get("auto_advance", invoice["auto_advance"])
    invoices.finalize(state, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        invoice["next_payment_attempt"] = state.now + HOUR
    return invoice


def pay(state: State, params: Obj, key: str) -> Obj:
    """Collect an invoice now. Raises Refused: 402 if the card did not pay."""
    invoice = state.get("invoice", key)
    if invoice["status"] == "draft":
        invoices.finalize(state, invoice)
    elif invoice["status"] == "paid":
        raise Refused("Invoice is already paid", code="invoice_already_paid")
    elif invoice["status"] == "void":
        raise Refused("Voided invoices cannot be paid.", code="invoice_not_editable")
    method = None
    if "payment_method" in params:
        method = payment_methods.of_customer(state, params["payment_method"], invoice["customer"])
    error = invoices.attempt(state, invoice, Situation.AWAY, method)
    if error:
        raise error
    return invoice


def void(state: State, _params: Obj, key: str) -> Obj:
    """Void an open or uncollectible invoice. Raises Refused."""
    invoice = state.get("invoice", key)
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refused(
            f"You can only pass in open or uncollectible invoices. This invoice is"
            f" {invoice['status']}.",
            code="invoice_not_editable",
        )
    invoices.void(state, invoice)
    return invoice


def mark_uncollectible(state: State, _params: Obj, key: str) -> Obj:
    """Give an open invoice up. Raises Refused."""
    invoice = state.get("invoice", key)
    if invoice["status"] != "open":
        raise Refused("You can only mark open invoices as uncollectible.")
    invoices.write_off(state, invoice, "user_forgiven")
    return invoice


def delete(state: State, _params: Obj, key: str) -> Obj:
    """Delete a draft that was made by hand. Raises Refused."""
    invoice = state.get("invoice", key)
    if invoice["status"] != "draft" or invoice["billing_reason"] != "manual":
        raise Refused("You can only delete draft invoices that belong to no subscription.")
    for item in state.all("invoiceitem", invoice=key):
        remove(state, item)
    del state.table("invoice")[key]
    state.emit("invoice.deleted", invoice)
    return {"id": key, "object": "invoice", "deleted": True}


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return invoices, some by customer, status or subscription."""
    wanted = {name: params[name] for name in ("customer", "status") if name in params}
    found = state.all("invoice", **wanted)
    if "subscription" in params:
        found = [one for one in found if subscription_of(one) == params["subscription"]]
    return found


def list_lines(state: State, _params: Obj, key: str) -> list[Obj]:
    """Return the lines of an invoice."""
    data: list[Obj] = state.get("invoice", key)["lines"]["data"]
    return data


def list_payments(state: State, params: Obj) -> list[Obj]:
    """Return payments of invoices, some by invoice or status."""
    found = state.all(
        "invoice_payment",
        **{name: params[name] for name in ("invoice", "status") if name in params},
    )
    intent = (params.get("payment") or {}).get("payment_intent")
    if intent:
        found = [one for one in found if one["payment"]["payment_intent"] == intent]
    return found
