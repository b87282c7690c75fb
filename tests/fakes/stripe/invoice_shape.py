"""An invoice as the API shows it, made of lines; nothing here is stored."""

from collections import Counter
from copy import deepcopy

from tests.fakes.stripe.lines import Line, shown
from tests.fakes.stripe.state import Obj, State

SMALLEST_CHARGE = 50  # cents; less waits on the customer's balance
BLANK: Obj = {
    "account_country": "US",
    "account_name": "Earlywatch",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "due_date": None,
    "effective_at": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status": "draft",
    "status_details": None,
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}


def compose(
    state: State,
    customer: Obj,
    subscription: Obj | None,
    lines: list[Line],
    reason: str,
    period: tuple[int, int] | None = None,
) -> Obj:
    """Return a draft with these lines, not stored. `reason` is the API's `billing_reason`."""
    key = state.new_id("in")
    start, end = period or (state.now, state.now)
    subtotal = sum(line.amount for line in lines)
    discounts: Counter[str] = Counter()
    for line in lines:
        discounts.update(dict(line.discounts))
    total = sum(line.net for line in lines)
    invoice = {
        "id": key,
        "object": "invoice",
        "created": state.now,
        "currency": lines[0].currency if lines else "usd",
        "lines": _listed(lines, key),
        "parent": subscription and _parent(subscription, lines),
        "period_end": end,
        "period_start": start,
        "billing_reason": reason,
        "discounts": list(discounts),
        "subtotal": subtotal,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [
            {"amount": amount, "discount": key} for key, amount in discounts.items()
        ],
        "total_excluding_tax": total,
        "automatic_tax": _tax(subscription),
        **_about(customer),
        **deepcopy(BLANK),
    }
    weigh(invoice, customer["balance"])
    return invoice


def weigh(invoice: Obj, balance: int) -> None:
    """Set what is due, given the customer's balance (negative: credit) before the invoice."""
    due = invoice["total"] + balance
    too_small = 0 < due < SMALLEST_CHARGE
    invoice["starting_balance"] = balance
    invoice["ending_balance"] = due if too_small else min(due, 0)
    invoice["amount_due"] = 0 if too_small else max(due, 0)
    invoice["amount_remaining"] = invoice["amount_due"]


def subscription_of(invoice: Obj) -> str | None:
    """Return the id of the subscription that an invoice is for."""
    parent = invoice["parent"]
    return str(parent["subscription_details"]["subscription"]) if parent else None


def _listed(lines: list[Line], invoice: str) -> Obj:
    data = [shown(line, f"il_{invoice[3:]}{n:02d}", invoice) for n, line in enumerate(lines)]
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": f"/v1/invoices/{invoice}/lines",
    }


def _parent(subscription: Obj, lines: list[Line]) -> Obj:
    changed = [line.start for line in lines if line.proration]
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
            "subscription_proration_date": max(changed, default=None),
        },
        "type": "subscription_details",
    }


def _tax(subscription: Obj | None) -> Obj:
    """Prices here include their tax, and the account collects none: nothing changes."""
    enabled = bool(subscription and subscription["automatic_tax"]["enabled"])
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": "complete" if enabled else None,
    }


def _about(customer: Obj) -> Obj:
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }
