"""Refunds, disputes and warnings of fraud: money that goes back."""

from collections.abc import Callable

from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.periods import DAY
from tests.fakes.stripe.state import Obj, State, merged


def create(state: State, params: Obj) -> Obj:
    """Give back a payment or a part of it, never more than was paid. Raises Refused."""
    charge = _charge(state, params)
    left = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise Refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise Refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = params.get("amount", left)
    if amount < 1:
        raise Refused("This value must be greater than or equal to 1.", param="amount")
    if amount > left:
        raise Refused(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    refund = _refund(state, charge, amount, params)
    with state.changing(charge, "charge.refunded"):
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    state.emit("refund.created", refund)
    return refund


def _charge(state: State, params: Obj) -> Obj:
    if "charge" in params:
        charge = state.get("charge", params["charge"], "charge")
    elif "payment_intent" in params:
        intent = state.get("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise Refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = state.get("charge", intent["latest_charge"])
    else:
        raise Refused(
            "One of the following params should be provided for this request: payment_intent or"
            " charge."
        )
    if not charge["paid"]:
        raise Refused(f"Charge {charge['id']} did not succeed; it cannot be refunded.")
    return charge


def _refund(state: State, charge: Obj, amount: int, params: Obj) -> Obj:
    return state.add(
        {
            "id": state.new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": state.new_id("txn"),
            "charge": charge["id"],
            "created": state.now,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "destination_details": {"card": {"type": "refund"}, "type": "card"},
            "metadata": merged({}, params.get("metadata")),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        }
    )


def fail(state: State, refund: Obj) -> None:
    """The card's bank sends a refund back: its account is closed, say."""
    charge = state.get("charge", refund["charge"])
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    with state.changing(charge, "charge.updated"):
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
    state.emit("refund.failed", refund)


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return refunds, some by charge or payment intent."""
    names = ("charge", "payment_intent")
    return state.all("refund", **{name: params[name] for name in names if name in params})


def dispute(state: State, charge: Obj, reason: str) -> Obj:
    """The customer's bank takes a payment back."""
    made: Obj = {
        "id": state.new_id("du"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": state.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": state.now + 9 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "manual",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    charge["disputed"] = True
    state.emit("charge.dispute.created", state.add(made))
    return made


def close_dispute(state: State, made: Obj, won: bool) -> Obj:
    """The bank has decided."""
    made["status"] = "won" if won else "lost"
    state.emit("charge.dispute.closed", made)
    return made


def warn_of_fraud(state: State, charge: Obj) -> Obj:
    """The card's issuer believes that a payment is fraud; a dispute is likely to follow."""
    warning = {
        "id": state.new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": state.now,
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    state.emit("radar.early_fraud_warning.created", state.add(warning))
    return warning


def list_of(kind: str) -> Callable[[State, Obj], list[Obj]]:
    """Return the handler that lists disputes or warnings, some by charge or payment."""

    def listed(state: State, params: Obj) -> list[Obj]:
        names = ("charge", "payment_intent")
        return state.all(kind, **{name: params[name] for name in names if name in params})

    return listed
