"""Checkout Sessions in subscription mode, and what the button on their page does."""

from copy import deepcopy

from tests.fakes.stripe import customers, discounts, payment_methods, subscriptions
from tests.fakes.stripe.cards import Card, Situation
from tests.fakes.stripe.changes import new_item
from tests.fakes.stripe.discounts import coupon_value
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.periods import DAY
from tests.fakes.stripe.state import Obj, State, merged

SHORTEST, LONGEST = 30 * 60, DAY  # seconds until a session expires
SUBSCRIPTION_DATA = {"billing_mode", "description", "metadata"}
SLACK = 60  # seconds; the caller's clock is not quite ours


def create(state: State, params: Obj) -> Obj:
    """Open a session. Raises Refused."""
    _refuse_other_modes(params)
    if ignored := set(params.get("subscription_data", {})) - SUBSCRIPTION_DATA:
        raise NotImplementedError(f"Checkout ignores {sorted(ignored)}")
    items = [new_item(state, "", wanted) for wanted in params.get("line_items") or []]
    if not items:
        raise Refused("Missing required param: line_items.", param="line_items")
    if params.get("customer"):
        customers.existing(state, params["customer"])
    expires_at = params.get("expires_at", state.now + LONGEST)
    if not SHORTEST - SLACK <= expires_at - state.now <= LONGEST + SLACK:
        raise Refused(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours"
            " from Checkout Session creation.",
            param="expires_at",
        )
    key = state.new_id("cs_test")
    session = {**_shape(state, key, params), "expires_at": expires_at}
    session |= {"currency": items[0]["price"]["currency"]}
    state.checkouts[key] = {"items": items, "params": params, "code": None}
    if coupon := discounts.given(state, params.get("discounts") or []):
        state.checkouts[key]["code"] = coupon
    weigh(state, state.add(session))
    return session


def _refuse_other_modes(params: Obj) -> None:
    if params.get("mode") != "subscription":
        raise Refused("This Stripe knows the mode `subscription` only.", param="mode")
    if "success_url" not in params:
        raise Refused(
            "Missing required param: success_url.", param="success_url", code="parameter_missing"
        )
    if params.get("customer") and params.get("customer_email"):
        raise Refused(
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer_email",
        )
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise Refused(
            "You may only specify one of these parameters: allow_promotion_codes, discounts."
        )


BLANK: Obj = {
    "object": "checkout.session",
    "adaptive_pricing": None,
    "after_expiration": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "customer_details": None,
    "discounts": [],
    "invoice": None,
    "invoice_creation": None,
    "livemode": False,
    "mode": "subscription",
    "payment_intent": None,
    "payment_link": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "subscription": None,
    "ui_mode": "hosted_page",
    "wallet_options": None,
}


def _shape(state: State, key: str, params: Obj) -> Obj:
    tax = bool((params.get("automatic_tax") or {}).get("enabled"))
    return {
        **deepcopy(BLANK),
        "id": key,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "automatic_tax": {
            "enabled": tax,
            "liability": {"type": "self"} if tax else None,
            "provider": "stripe" if tax else None,
            "status": "complete" if tax else None,
        },
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": state.now,
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": params.get("customer"),
        "customer_creation": None if params.get("customer") else "always",
        "customer_email": params.get("customer_email"),
        "locale": params.get("locale"),
        "metadata": merged({}, params.get("metadata")),
        "payment_method_collection": params.get("payment_method_collection", "always"),
        "submit_type": params.get("submit_type"),
        "success_url": params["success_url"],
        "url": f"{state.url}/c/pay/{key}",
    }


def weigh(state: State, session: Obj) -> None:
    """Set what the first period costs, discount taken off."""
    known = state.checkouts[session["id"]]
    subtotal = sum(one["price"]["unit_amount"] * one["quantity"] for one in known["items"])
    off, session["discounts"] = 0, []
    if known["code"]:
        coupon, code = known["code"]
        off = coupon_value(state.get("coupon", coupon), subtotal)
        session["discounts"] = [{"coupon": None if code else coupon, "promotion_code": code}]
    session |= {"amount_subtotal": subtotal, "amount_total": subtotal - off}
    session["total_details"] = {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}


def expire(state: State, _params: Obj, key: str) -> Obj:
    """Close an open session. Raises Refused."""
    session = state.get("checkout.session", key)
    if session["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {session['status']}."
        )
    let_expire(state, session)
    return session


def let_expire(state: State, session: Obj) -> None:
    """Close a session that nobody completed."""
    session |= {"status": "expired", "url": None}
    state.emit("checkout.session.expired", session)


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return sessions, some by customer, subscription or status."""
    names = ("customer", "subscription", "status", "payment_intent")
    return state.all("checkout.session", **{name: params[name] for name in names if name in params})


def use_code(state: State, session: Obj, typed: str) -> None:
    """Take a promotion code that somebody typed; "" takes it back. Raises Refused."""
    known = state.checkouts[session["id"]]
    if not typed:
        known["code"] = None
    else:
        code = discounts.find_code(state, typed) if session["allow_promotion_codes"] else None
        if code is None:
            raise Refused("This code is invalid.")
        known["code"] = (code["promotion"]["coupon"], code["id"])
    weigh(state, session)


def pay(state: State, session: Obj, card: Card, confirmed: bool) -> None:
    """Complete a session with a card: customer, subscription, first payment.

    Raises Refused if the card is declined; the session then stays open.
    """
    if card.refuses_attach:
        raise card.decline
    known = state.checkouts[session["id"]]
    params = known["params"]
    customer = _customer(state, session)
    method = payment_methods.add_card(state, card, customer["id"])
    subscription = subscriptions.create(
        state,
        {
            **params.get("subscription_data", {}),
            "customer": customer["id"],
            "items": params["line_items"],
            "default_payment_method": method["id"],
            "automatic_tax": params.get("automatic_tax"),
            "discounts": _coupon_params(known["code"]),
        },
        Situation.CONFIRMED if confirmed else Situation.CHECKOUT,
    )
    invoice = state.get("invoice", subscription["latest_invoice"])
    paid = "paid" if invoice["amount_paid"] else "no_payment_required"
    session |= {
        "customer": customer["id"],
        "customer_details": _details(customer),
        "invoice": subscription["latest_invoice"],
        "payment_status": paid,
        "status": "complete",
        "subscription": subscription["id"],
        "url": None,
    }
    state.emit("checkout.session.completed", session)


def _coupon_params(code: tuple[str, str | None] | None) -> list[Obj]:
    if code is None:
        return []
    return [{"promotion_code": code[1]} if code[1] else {"coupon": code[0]}]


def _customer(state: State, session: Obj) -> Obj:
    if session["customer"]:
        return customers.existing(state, session["customer"])
    return customers.create(state, {"email": session["customer_email"] or "jenny@example.com"})


def _details(customer: Obj) -> Obj:
    return {
        "address": customer["address"],
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": customer["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def line_items(state: State, session: Obj) -> list[Obj]:
    """Return what is bought, as the API lists it."""
    return [
        {
            "id": f"li_{item['id'][3:]}",
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": item["price"]["unit_amount"] * item["quantity"],
            "amount_tax": 0,
            "amount_total": item["price"]["unit_amount"] * item["quantity"],
            "currency": item["price"]["currency"],
            "description": state.get("product", item["price"]["product"])["name"],
            "price": item["price"],
            "quantity": item["quantity"],
        }
        for item in state.checkouts[session["id"]]["items"]
    ]


def list_line_items(state: State, _params: Obj, key: str) -> list[Obj]:
    """Return what a session sells."""
    return line_items(state, state.get("checkout.session", key))
