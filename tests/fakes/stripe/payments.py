"""Payment intents and charges: money that moves, or does not."""

from copy import deepcopy

from tests.fakes.stripe.cards import Card, Outcome, Situation
from tests.fakes.stripe.errors import Refused, card_refused
from tests.fakes.stripe.periods import MINUTE
from tests.fakes.stripe.state import Obj, State

NEEDS_PERSON = card_refused(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
NO_CARD = Refused(
    "Cannot charge a customer that has no active card", 402, "card_error", code="missing"
)


INTENT: Obj = {
    "object": "payment_intent",
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "description": "Subscription",
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": "off_session",
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
}


def intent_for(state: State, invoice: Obj) -> Obj:
    """Return the payment intent of an open invoice, made when it is first asked for."""
    for payment in state.all("invoice_payment", invoice=invoice["id"]):
        return state.get("payment_intent", payment["payment"]["payment_intent"])
    key = state.new_id("pi")
    intent = {
        **deepcopy(INTENT),
        "id": key,
        "amount": invoice["amount_due"],
        "client_secret": f"{key}_secret_{state.new_id('s')}",
        "created": state.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
    }
    state.emit("payment_intent.created", state.add(intent))
    _link(state, invoice, intent)
    return intent


def _link(state: State, invoice: Obj, intent: Obj) -> None:
    state.add(
        {
            "id": state.new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": state.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def charge(state: State, invoice: Obj, method: Obj, situation: Situation) -> Refused | None:
    """Charge a card for what is due; return why it failed, None if it was paid."""
    intent, card = intent_for(state, invoice), state.cards[method["id"]]
    intent["payment_method"] = method["id"]
    outcome = card.charge(situation)
    if outcome is Outcome.NEEDS_PERSON:
        _wait_for_person(state, intent)
        return NEEDS_PERSON
    made = _charge(state, intent, method, card, paid=outcome is Outcome.PAID)
    intent["latest_charge"] = made["id"]
    intent["next_action"] = None
    if outcome is Outcome.PAID:
        if card.disputed or card.warned:
            state.doubted[made["id"]] = state.now + MINUTE
        _succeed(state, invoice, intent, made)
        return None
    intent["status"] = "requires_payment_method"
    intent["last_payment_error"] = dict(card.decline.error)
    state.emit("charge.failed", made)
    state.emit("payment_intent.payment_failed", intent)
    return card.decline


def _wait_for_person(state: State, intent: Obj) -> None:
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect"},
    }
    state.emit("payment_intent.requires_action", intent)


def _succeed(state: State, invoice: Obj, intent: Obj, made: Obj) -> None:
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    intent["last_payment_error"] = None
    [payment] = state.all("invoice_payment", invoice=invoice["id"])
    payment |= {"status": "paid", "amount_paid": intent["amount"]}
    payment["status_transitions"]["paid_at"] = state.now
    state.emit("charge.succeeded", made)
    state.emit("payment_intent.succeeded", intent)
    state.emit("invoice_payment.paid", payment)


def cancel_intent(state: State, invoice: Obj) -> None:
    """Give up on collecting a voided invoice."""
    for payment in state.all("invoice_payment", invoice=invoice["id"], status="open"):
        intent = state.get("payment_intent", payment["payment"]["payment_intent"])
        intent |= {"status": "canceled", "canceled_at": state.now, "next_action": None}
        intent["cancellation_reason"] = "void_invoice"
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = state.now
        state.emit("payment_intent.canceled", intent)


CHARGE: Obj = {
    "object": "charge",
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "calculated_statement_descriptor": "EARLYWATCH",
    "disputed": False,
    "failure_balance_transaction": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "receipt_email": None,
    "receipt_number": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}


def _charge(state: State, intent: Obj, method: Obj, card: Card, paid: bool) -> Obj:
    key, amount = state.new_id("ch"), intent["amount"]
    return state.add(
        {
            **deepcopy(CHARGE),
            "id": key,
            "amount": amount,
            "amount_captured": amount if paid else 0,
            "balance_transaction": state.new_id("txn") if paid else None,
            "billing_details": method["billing_details"],
            "captured": paid,
            "created": state.now,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "failure_code": None if paid else card.decline.error["code"],
            "failure_message": None if paid else card.decline.error["message"],
            "outcome": _outcome(card, paid),
            "paid": paid,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"card": _details(method), "type": "card"},
            "receipt_url": f"{state.url}/receipts/{key}",
            "status": "succeeded" if paid else "failed",
        }
    )


def _outcome(card: Card, paid: bool) -> Obj:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if paid else "declined_by_network",
        "reason": None if paid else card.decline_code,
        "risk_level": "elevated" if card.warned else "normal",
        "risk_score": 64 if card.warned else 12,
        "seller_message": "Payment complete." if paid else "The bank declined the payment.",
        "type": "authorized" if paid else "issuer_declined",
    }


def _details(method: Obj) -> Obj:
    names = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {name: method["card"][name] for name in names}


def list_intents(state: State, params: Obj) -> list[Obj]:
    """Return payment intents, some by customer."""
    wanted = {"customer": params["customer"]} if "customer" in params else {}
    return state.all("payment_intent", **wanted)


def list_charges(state: State, params: Obj) -> list[Obj]:
    """Return charges, some by customer or payment intent."""
    names = ("customer", "payment_intent")
    return state.all("charge", **{name: params[name] for name in names if name in params})
