"""Cards that customers have stored."""

from copy import deepcopy

from tests.fakes.stripe import cards
from tests.fakes.stripe.cards import CARDS, Card
from tests.fakes.stripe.errors import Refused, no_such
from tests.fakes.stripe.state import Obj, State, merged

EXPIRY_YEAR = 2034


BLANK: Obj = {
    "checks": {
        "address_line1_check": None,
        "address_postal_code_check": None,
        "cvc_check": "pass",
    },
    "country": "US",
    "exp_month": 12,
    "funding": "credit",
    "generated_from": None,
    "regulated_status": "unregulated",
    "three_d_secure_usage": {"supported": True},
    "wallet": None,
}


def add_card(state: State, card: Card, customer: str | None = None) -> Obj:
    """Store a card. Raises Refused (402) if the bank declines it."""
    if customer and card.refuses_attach:
        raise card.decline
    method: Obj = {
        "id": state.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            **deepcopy(BLANK),
            "brand": card.brand,
            "display_brand": card.brand,
            "exp_year": EXPIRY_YEAR,
            "fingerprint": f"fingerprint{card.last4}",
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
        },
        "created": state.now,
        "customer": customer,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    state.cards[method["id"]] = card
    state.add(method)
    if customer:
        state.emit("payment_method.attached", method)
    return method


def attach(state: State, params: Obj, key: str) -> Obj:
    """Give a card to a customer; the names of Stripe's test cards work too."""
    customer = params.get("customer", "")
    if customer not in state.table("customer"):
        raise no_such("customer", customer, "customer")
    if key in cards.NAMED:
        return add_card(state, CARDS[cards.NAMED[key]], customer)
    method = state.get("payment_method", key, "payment_method")
    if method["customer"] not in (None, customer):
        raise Refused("The payment method you provided has already been attached to a customer.")
    if state.cards[key].refuses_attach:
        raise state.cards[key].decline
    method["customer"] = customer
    state.emit("payment_method.attached", method)
    return method


def detach(state: State, _params: Obj, key: str) -> Obj:
    """Take a card from its customer."""
    method = state.get("payment_method", key, "payment_method")
    if method["customer"] is None:
        raise Refused("The payment method you provided is not attached to a customer.")
    customer = state.get("customer", method["customer"])
    with state.changing(method, "payment_method.detached"):
        method["customer"] = None
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == key:
        settings["default_payment_method"] = None
    for subscription in state.all("subscription", default_payment_method=key):
        subscription["default_payment_method"] = None
    return method


def of_customer(state: State, key: str, customer: str) -> Obj:
    """Return a customer's card. Raises Refused if it is somebody else's."""
    if key in cards.NAMED:
        return attach(state, {"customer": customer}, key)
    method = state.get("payment_method", key, "default_payment_method")
    if method["customer"] != customer:
        raise Refused(
            "The customer does not have a payment method with the ID"
            f" {key}. The payment method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    return method


def create(state: State, params: Obj) -> Obj:
    """Make a card out of its number."""
    if params.get("type") != "card":
        raise Refused("This Stripe knows cards only.", param="type")
    number = str((params.get("card") or {}).get("number", ""))
    card = cards.find_card(number)
    if card is None:
        raise Refused("Your card number is incorrect.", 402, "card_error", code="incorrect_number")
    return add_card(state, card)


def update(state: State, params: Obj, key: str) -> Obj:
    """Change expiry or metadata of a card."""
    method = state.get("payment_method", key, "payment_method")
    with state.changing(method, "payment_method.updated"):
        given = params.get("card") or {}
        method["card"] |= {name: given[name] for name in ("exp_month", "exp_year") if name in given}
        method["metadata"] = merged(method["metadata"], params.get("metadata"))
    return method


def list_all(state: State, params: Obj, customer: str | None = None) -> list[Obj]:
    """Return the cards of a customer."""
    owner = customer or params.get("customer")
    if owner is None:
        raise Refused("Missing required param: customer.", param="customer")
    return state.all("payment_method", customer=owner)


def retrieve_of_customer(state: State, _params: Obj, customer: str, key: str) -> Obj:
    """Return one card of a customer."""
    return of_customer(state, key, customer)
