"""A subscription as the API shows it."""

from copy import deepcopy

from tests.fakes.stripe.changes import new_item
from tests.fakes.stripe.state import Obj, State, merged

BLANK: Obj = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "latest_invoice": None,
    "livemode": False,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status": "incomplete",
    "status_details": None,
    "test_clock": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {
        "end_behavior": {
            "billing_cycle_anchor": None,
            "missing_payment_method": "create_invoice",
        }
    },
    "trial_start": None,
}


def new_subscription(state: State, customer: Obj, params: Obj) -> Obj:
    """Return a subscription that is not stored: its items have no period yet."""
    key = state.new_id("sub")
    items = [new_item(state, key, wanted) for wanted in params["items"]]
    mode = params.get("billing_mode") or {"type": "flexible"}
    flexible = mode["type"] == "flexible"
    chosen = {"proration_discounts": "included", **mode.get("flexible", {})}
    return {
        **deepcopy(BLANK),
        "id": key,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": bool((params.get("automatic_tax") or {}).get("enabled")),
            "liability": None,
        },
        "billing_cycle_anchor": state.now,
        "billing_mode": {
            "flexible": chosen if flexible else None,
            "type": mode["type"],
            "updated_at": state.now if flexible else None,
        },
        "created": state.now,
        "currency": items[0]["price"]["currency"],
        "customer": customer["id"],
        "description": params.get("description"),
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "total_count": len(items),
            "url": f"/v1/subscription_items?subscription={key}",
        },
        "metadata": merged({}, params.get("metadata")),
        "start_date": state.now,
    }
