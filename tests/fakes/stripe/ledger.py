"""What really moved: every payment and refund, in the order of time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tests.fakes.stripe.state import Obj, State


@dataclass(frozen=True)
class Entry:
    """Money that moved: `cents` are positive for a payment, negative for a refund."""

    at: datetime
    cents: int
    kind: str  # "payment" or "refund"
    id: str  # of the charge or the refund
    charge: str
    invoice: str | None


def entries(state: State, customer: str | None = None) -> list[Entry]:
    """Return what moved for one customer, or for all, oldest first."""
    paid = [charge for charge in state.all("charge") if charge["paid"]]
    charges = {one["id"]: one for one in paid if customer in (None, one["customer"])}
    found = [_entry(state, one, one, one["amount"], "payment") for one in charges.values()]
    for refund in state.all("refund"):
        if refund["charge"] in charges and refund["status"] != "failed":
            charge = charges[refund["charge"]]
            found.append(_entry(state, refund, charge, -refund["amount"], "refund"))
    return sorted(found, key=lambda entry: (entry.at, entry.id))


def _entry(state: State, obj: Obj, charge: Obj, cents: int, kind: str) -> Entry:
    at = datetime.fromtimestamp(obj["created"], UTC)
    return Entry(at, cents, kind, obj["id"], charge["id"], _invoice_of(state, charge))


def _invoice_of(state: State, charge: Obj) -> str | None:
    for payment in state.all("invoice_payment"):
        if payment["payment"]["payment_intent"] == charge["payment_intent"]:
            return str(payment["invoice"])
    return None
