"""Billing portal: sessions, configurations, and the change of a card."""

from tests.fakes.stripe import customers, payment_methods
from tests.fakes.stripe.cards import Card, Situation
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.invoices import attempt
from tests.fakes.stripe.state import Obj, State, merged

FEATURES = (
    "customer_update",
    "invoice_history",
    "payment_method_update",
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
)


def create_session(state: State, params: Obj) -> Obj:
    """Open the portal for a customer. Raises Refused."""
    customer = customers.existing(state, params.get("customer", ""))
    key = state.new_id("bps")
    configuration = params.get("configuration") or _default(state)["id"]
    state.get("billing_portal.configuration", configuration, "configuration")
    flow = params.get("flow_data")
    return state.add(
        {
            "id": key,
            "object": "billing_portal.session",
            "configuration": configuration,
            "created": state.now,
            "customer": customer["id"],
            "customer_account": None,
            "flow": flow and _flow(flow),
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url"),
            "url": f"{state.url}/p/session/{key}",
        }
    )


def _flow(flow: Obj) -> Obj:
    if flow["type"] != "payment_method_update":
        raise Refused("This Stripe's portal changes the card only.", param="flow_data[type]")
    after = flow.get("after_completion") or {"type": "portal_homepage"}
    return {
        "after_completion": {
            "hosted_confirmation": None,
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": flow["type"],
    }


def _default(state: State) -> Obj:
    """Return the configuration used when none is named; an account has one from the start."""
    for one in state.all("billing_portal.configuration", is_default=True):
        return one
    return create_configuration(state, {"features": {"payment_method_update": {"enabled": True}}})


def create_configuration(state: State, params: Obj) -> Obj:
    """Make a configuration; the first one is the default."""
    first = not state.table("billing_portal.configuration")
    business = params.get("business_profile") or {}
    names = ("headline", "privacy_policy_url", "terms_of_service_url")
    configuration: Obj = {
        "id": state.new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {name: business.get(name) or None for name in names},
        "created": state.now,
        "default_return_url": params.get("default_return_url") or None,
        "features": _features(params["features"]),
        "is_default": first,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": merged({}, params.get("metadata")),
        "name": params.get("name") or None,
        "updated": state.now,
    }
    state.emit("billing_portal.configuration.created", state.add(configuration))
    return configuration


def _features(wanted: Obj) -> Obj:
    features: Obj = {name: {"enabled": False} for name in FEATURES}
    for name, one in wanted.items():
        features[name] = {**features.get(name, {}), **one}
    features["customer_update"].setdefault("allowed_updates", [])
    features["payment_method_update"].setdefault("payment_method_configuration", None)
    features["subscription_cancel"] = {
        "cancellation_reason": {"enabled": False, "options": []},
        "mode": "at_period_end",
        "proration_behavior": "none",
        **features["subscription_cancel"],
    }
    features["subscription_pause"].setdefault(
        "duration",
        {
            "interval_options": [{"interval": "month", "interval_count": 1}],
            "type": "interval_options",
        },
    )
    features["subscription_update"] = {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
        **features["subscription_update"],
    }
    return features


def update_configuration(state: State, params: Obj, key: str) -> Obj:
    """Change a configuration."""
    configuration = state.get("billing_portal.configuration", key)
    with state.changing(configuration, "billing_portal.configuration.updated"):
        for name in ("active", "default_return_url", "name"):
            configuration[name] = params.get(name, configuration[name])
        configuration["business_profile"] |= params.get("business_profile") or {}
        merged_features = {**configuration["features"], **params.get("features", {})}
        configuration["features"] = _features(merged_features)
        configuration["metadata"] = merged(configuration["metadata"], params.get("metadata"))
        configuration["updated"] = state.now
    return configuration


def list_configurations(state: State, params: Obj) -> list[Obj]:
    """Return configurations, some by whether they are active or the default."""
    names = ("active", "is_default")
    wanted = {name: params[name] for name in names if name in params}
    return state.all("billing_portal.configuration", **wanted)


def change_card(state: State, customer: Obj, card: Card) -> None:
    """Make a card the customer's default, as the flow `payment_method_update` does.

    A subscription with a default of its own goes on with that one; an open invoice waits for its
    page or retry.
    Raises Refused if the bank declines the card itself.
    """
    method = payment_methods.add_card(state, card, customer["id"])
    with state.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]


def pay_invoice(
    state: State, invoice: Obj, confirmed: bool, method: Obj | None = None
) -> Refused | None:
    """Pay an open invoice on its own page; return why that failed."""
    situation = Situation.CONFIRMED if confirmed else Situation.PRESENT
    return attempt(state, invoice, situation, method)
