"""`expand`: ids become objects, and lists appear that are left out otherwise."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.fakes.stripe import checkout
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.state import Obj, State

DEEPEST = 4  # levels, Stripe's limit


def _list(url: str, data: list[Obj]) -> Obj:
    return {"object": "list", "data": deepcopy(data), "has_more": False, "url": url}


def _payments(state: State, invoice: Obj) -> Obj:
    found = state.all("invoice_payment", invoice=invoice["id"])
    return _list(f"/v1/invoice_payments?invoice={invoice['id']}", found)


def _refunds(state: State, charge: Obj) -> Obj:
    found = state.all("refund", charge=charge["id"])
    return _list(f"/v1/charges/{charge['id']}/refunds", found)


def _subscriptions(state: State, customer: Obj) -> Obj:
    found = state.all("subscription", customer=customer["id"])
    ended = ("canceled", "incomplete_expired")
    found = [one for one in found if one["status"] not in ended]
    return _list(f"/v1/customers/{customer['id']}/subscriptions", found)


def _line_items(state: State, session: Obj) -> Obj:
    found = checkout.line_items(state, session)
    return _list(f"/v1/checkout/sessions/{session['id']}/line_items", found)


LEFT_OUT: dict[tuple[str, str], Callable[[State, Obj], Obj]] = {
    ("invoice", "payments"): _payments,
    ("charge", "refunds"): _refunds,
    ("customer", "subscriptions"): _subscriptions,
    ("checkout.session", "line_items"): _line_items,
}


def expanded(state: State, answer: Obj, paths: list[str]) -> Obj:
    """Return a copy of the answer with everything at the paths in full. Raises Refused."""
    result = deepcopy(answer)
    for path in paths:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > DEEPEST:
            raise Refused(f"You cannot expand more than 4 levels of a property: {path}")
        _expand(state, result, parts, path)
    return result


def _expand(state: State, place: Any, parts: list[str], path: str) -> None:
    if isinstance(place, list):
        for inner in place:
            _expand(state, inner, parts, path)
        return
    if not parts or place is None:
        return
    name = parts[0]
    left_out = LEFT_OUT.get((place.get("object", ""), name))
    if left_out and name not in place:
        place[name] = left_out(state, place)
    if name not in place:
        raise Refused(f"This property cannot be expanded ({path}).")
    place[name] = _full(state, place[name], path)
    _expand(state, place[name], parts[1:], path)


def _full(state: State, value: Any, path: str) -> Any:
    """Return the object that an id names, each in a list; objects stay as they are."""
    if isinstance(value, list):
        return [_full(state, one, path) for one in value]
    if not isinstance(value, str):
        return value
    found = state.find(value)
    if found is None:
        raise Refused(f"This property cannot be expanded ({path}).")
    return deepcopy(found)
