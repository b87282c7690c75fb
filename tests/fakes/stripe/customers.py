"""Customers and their credit balance."""

from copy import deepcopy

from tests.fakes.stripe import payment_methods
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.state import Obj, State, merged

PLAIN = ("description", "email", "name", "phone")


BLANK: Obj = {
    "object": "customer",
    "balance": 0,
    "currency": None,
    "default_source": None,
    "delinquent": False,
    "description": None,
    "discount": None,
    "email": None,
    "invoice_settings": {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    },
    "livemode": False,
    "name": None,
    "next_invoice_sequence": 1,
    "phone": None,
    "shipping": None,
    "test_clock": None,
}


def create(state: State, params: Obj) -> Obj:
    """Make a customer, perhaps with a card."""
    key = state.new_id("cus")
    customer: Obj = {
        **deepcopy(BLANK),
        "id": key,
        "address": params.get("address") or None,
        "created": state.now,
        "invoice_prefix": (key[4:8] + key[-4:]).upper(),
        "metadata": merged({}, params.get("metadata")),
        "preferred_locales": params.get("preferred_locales") or [],
        "tax_exempt": params.get("tax_exempt") or "none",
    }
    customer |= {name: params[name] or None for name in PLAIN if name in params}
    state.add(customer)
    if "payment_method" in params:
        payment_methods.attach(state, {"customer": key}, params["payment_method"])
    _set_card(state, customer, params)
    state.emit("customer.created", customer)
    if params.get("balance"):
        move_balance(state, customer, params["balance"], "adjustment")
    return customer


def _set_card(state: State, customer: Obj, params: Obj) -> None:
    chosen = (params.get("invoice_settings") or {}).get("default_payment_method")
    if chosen is None:
        return
    method = payment_methods.of_customer(state, chosen, customer["id"]) if chosen else None
    customer["invoice_settings"]["default_payment_method"] = method and method["id"]


def update(state: State, params: Obj, key: str) -> Obj:
    """Change a customer."""
    customer = existing(state, key)
    with state.changing(customer, "customer.updated"):
        customer |= {name: params[name] or None for name in PLAIN if name in params}
        customer["metadata"] = merged(customer["metadata"], params.get("metadata"))
        _set_card(state, customer, params)
        if "balance" in params:
            change = params["balance"] - customer["balance"]
            move_balance(state, customer, change, "adjustment")
    return customer


def existing(state: State, key: str, param: str = "customer") -> Obj:
    """Return a customer that is not deleted. Raises Refused (404)."""
    customer = state.get("customer", key, param)
    if customer.get("deleted"):
        raise Refused(f"No such customer: '{key}'", 404, param=param, code="resource_missing")
    return customer


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return customers, some by email."""
    wanted = {"email": params["email"]} if "email" in params else {}
    return [one for one in state.all("customer", **wanted) if not one.get("deleted")]


def move_balance(
    state: State,
    customer: Obj,
    amount: int,
    kind: str,
    invoice: str | None = None,
    params: Obj | None = None,
) -> Obj:
    """Change the balance by `amount` cents (negative: credit to the customer); return the entry."""
    given = params or {}
    customer["balance"] += amount
    customer["currency"] = customer["currency"] or given.get("currency", "usd")
    entry = {
        "id": state.new_id("cbtxn"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": state.now,
        "credit_note": None,
        "currency": customer["currency"],
        "customer": customer["id"],
        "description": given.get("description"),
        "ending_balance": customer["balance"],
        "invoice": invoice,
        "livemode": False,
        "metadata": merged({}, given.get("metadata")),
        "type": kind,
    }
    return state.add(entry)


def create_balance_transaction(state: State, params: Obj, key: str) -> Obj:
    """Give credit (negative) or take it back."""
    customer = existing(state, key)
    if customer["currency"] not in (None, params["currency"]):
        raise Refused("The customer uses another currency.", param="currency")
    with state.changing(customer, "customer.updated"):
        return move_balance(state, customer, params["amount"], "adjustment", params=params)


def list_balance_transactions(state: State, params: Obj, key: str) -> list[Obj]:
    """Return what moved a customer's balance."""
    existing(state, key)
    wanted = {"invoice": params["invoice"]} if "invoice" in params else {}
    return state.all("customer_balance_transaction", customer=key, **wanted)


def retrieve_balance_transaction(state: State, _params: Obj, key: str, entry: str) -> Obj:
    """Return one movement of a customer's balance."""
    existing(state, key)
    return state.get("customer_balance_transaction", entry)
