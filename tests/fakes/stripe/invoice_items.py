"""Invoice items: lines that wait for the next invoice."""

from dataclasses import replace

from tests.fakes.stripe import customers
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.lines import Line, pricing
from tests.fakes.stripe.state import Obj, State, merged


def store(state: State, line: Line, customer: str, params: Obj | None = None) -> Line:
    """Keep a line for the next invoice; return it with the id of its invoice item."""
    key = state.new_id("ii")
    parent = line.subscription and {
        "subscription_details": {"subscription": line.subscription, "subscription_item": line.item},
        "type": "subscription_details",
    }
    item = {
        "id": key,
        "object": "invoiceitem",
        "amount": line.amount,
        "currency": line.currency,
        "customer": customer,
        "date": state.now,
        "description": line.description,
        "discountable": not line.proration,
        "discounts": [di for di, _ in line.discounts],
        "invoice": None,
        "livemode": False,
        "metadata": merged({}, (params or {}).get("metadata")),
        "net_amount": line.net,
        "parent": parent,
        "period": {"end": line.end, "start": line.start},
        "pricing": pricing(line.price),
        "proration": line.proration,
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
        "tax_rates": [],
        "test_clock": None,
    }
    stored = state.waiting_lines[key] = replace(line, invoice_item=key)
    state.emit("invoiceitem.created", state.add(item))
    return stored


def waiting(state: State, customer: str, subscription: str | None) -> list[Line]:
    """Return the lines that the next invoice of a subscription takes along, oldest first."""
    lines = [
        state.waiting_lines[item["id"]]
        for item in reversed(state.all("invoiceitem", customer=customer, invoice=None))
    ]
    return [line for line in lines if line.subscription in (None, subscription)]


def waiting_of(state: State, subscription: str) -> list[Obj]:
    """Return the invoice items of one subscription that are on no invoice."""
    found = state.all("invoiceitem", invoice=None)
    return [one for one in found if state.waiting_lines[one["id"]].subscription == subscription]


def remove(state: State, item: Obj) -> Obj:
    """Forget an invoice item."""
    del state.table("invoiceitem")[item["id"]]
    del state.waiting_lines[item["id"]]
    state.emit("invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def create(state: State, params: Obj) -> Obj:
    """Make an invoice item by hand."""
    if "customer" not in params:
        raise Refused(
            "Missing required param: customer.", param="customer", code="parameter_missing"
        )
    customers.existing(state, params["customer"])
    if params.get("subscription"):
        state.get("subscription", params["subscription"], "subscription")
    period = params.get("period") or {"start": state.now, "end": state.now}
    line = Line(
        params.get("amount", 0),
        period["start"],
        period["end"],
        params.get("description", ""),
        params.get("currency", "usd"),
        subscription=params.get("subscription"),
    )
    stored = store(state, line, params["customer"], params)
    return state.get("invoiceitem", str(stored.invoice_item))


def delete(state: State, _params: Obj, key: str) -> Obj:
    """Delete an invoice item that is on no invoice yet."""
    item = state.get("invoiceitem", key)
    if item["invoice"] is not None:
        raise Refused("Can't delete an invoice item that is attached to an invoice.")
    return remove(state, item)


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return invoice items, some by customer, invoice or whether they wait."""
    wanted = {name: params[name] for name in ("customer", "invoice") if name in params}
    found = state.all("invoiceitem", **wanted)
    if "pending" in params:
        found = [one for one in found if (one["invoice"] is None) == params["pending"]]
    return found
