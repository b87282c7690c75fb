"""Subscriptions: begin, change, end."""

from tests.fakes.stripe import changes, customers, discounts, ending, invoices, payment_methods
from tests.fakes.stripe.cards import Outcome, Situation
from tests.fakes.stripe.changes import Change
from tests.fakes.stripe.errors import Refused, no_such
from tests.fakes.stripe.invoice_items import store, waiting
from tests.fakes.stripe.invoice_shape import compose
from tests.fakes.stripe.lines import Line
from tests.fakes.stripe.payments import NEEDS_PERSON, NO_CARD
from tests.fakes.stripe.periods import HOUR
from tests.fakes.stripe.state import Awaited, Obj, State, merged
from tests.fakes.stripe.subscription_shape import new_subscription

HOURS_TO_PAY = 23
AFTERWARDS = {"metadata", "cancellation_details"}
UPDATED = "customer.subscription.updated"
# What may be sent along with payment_behavior=pending_if_incomplete.
PENDABLE = {
    "add_invoice_items",
    "billing_cycle_anchor",
    "items",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
}


def create(state: State, params: Obj, situation: Situation = Situation.AWAY) -> Obj:
    """Begin a subscription and collect its first invoice. Raises Refused."""
    customer = customers.existing(state, params.get("customer", ""))
    if not params.get("items"):
        raise Refused("Missing required param: items.", param="items", code="parameter_missing")
    subscription = new_subscription(state, customer, params)
    if params.get("default_payment_method"):
        method = payment_methods.of_customer(
            state, params["default_payment_method"], customer["id"]
        )
        subscription["default_payment_method"] = method["id"]
    if coupon := discounts.given(state, params.get("discounts") or []):
        discounts.attach(state, *coupon, subscription)
    items = subscription["items"]["data"]
    change = changes.begin(state, subscription, items, state.now, state.now)
    if params.get("payment_behavior") == "error_if_incomplete":
        _refuse_failing(state, subscription, change.lines, "subscription_create")
    change.apply(state, subscription)
    state.emit("customer.subscription.created", state.add(subscription))
    _collect_first(state, subscription, change, situation, params)
    return subscription


def _collect_first(
    state: State, subscription: Obj, change: Change, situation: Situation, params: Obj
) -> None:
    customer = state.get("customer", subscription["customer"])
    lines = [*waiting(state, customer["id"], None), *change.lines]
    invoice = invoices.create(state, customer, subscription, lines, "subscription_create")
    discounts.used_once(state, subscription)

    def begin() -> None:
        with state.changing(subscription, UPDATED):
            subscription["status"] = "active"

    def give_up() -> None:
        with state.changing(subscription, UPDATED):
            subscription.update(status="incomplete_expired", ended_at=state.now)

    state.awaited[invoice["id"]] = Awaited(state.now + HOURS_TO_PAY * HOUR, begin, give_up)
    invoices.finalize(state, invoice)
    if params.get("payment_behavior") != "default_incomplete":
        invoices.attempt(state, invoice, situation)


def _refuse_failing(state: State, subscription: Obj, lines: list[Line], reason: str) -> None:
    """Raise the card's error if an invoice with these lines could not be collected."""
    customer = state.get("customer", subscription["customer"])
    shape = compose(state, customer, subscription, lines, reason)
    if not shape["amount_due"]:
        return
    key = subscription["default_payment_method"]
    key = key or customer["invoice_settings"]["default_payment_method"]
    if key is None:
        raise NO_CARD
    card = state.cards[key]
    outcome = card.charge(Situation.AWAY)
    if outcome is Outcome.DECLINED:
        raise card.decline
    if outcome is Outcome.NEEDS_PERSON:
        raise NEEDS_PERSON


def living(state: State, key: str) -> Obj:
    """Return a subscription that has not ended. Raises Refused."""
    subscription = state.get("subscription", key)
    if subscription["status"] in ending.ENDED:
        raise no_such("subscription", key)
    return subscription


def update(state: State, params: Obj, key: str) -> Obj:
    """Change a subscription: its items with money, the rest without."""
    subscription = state.get("subscription", key)
    if subscription["status"] in ending.ENDED and set(params) - AFTERWARDS:
        raise Refused(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if params.get("payment_behavior") == "pending_if_incomplete":
        _refuse_not_pendable(params)
    if params.get("default_payment_method"):
        payment_methods.of_customer(
            state, params["default_payment_method"], subscription["customer"]
        )
    reset = (params.get("billing_cycle_anchor") or {}).get("type") == "now"
    if "items" in params or reset:
        _update_items(state, subscription, params, reset)
    with state.changing(subscription, UPDATED):
        _update_fields(state, subscription, params)
    return subscription


def _refuse_not_pendable(params: Obj) -> None:
    for name in sorted(set(params) - PENDABLE):
        raise Refused(
            f"The parameter `{name}` cannot be passed when `payment_behavior` is set to"
            " `pending_if_incomplete`.",
            param=name,
        )


def _update_fields(state: State, subscription: Obj, params: Obj) -> None:
    for name in ("default_payment_method", "description"):
        if name in params:
            subscription[name] = params[name] or None
    subscription["metadata"] = merged(subscription["metadata"], params.get("metadata"))
    ending.plan(state, subscription, params)
    ending.note(subscription, params.get("cancellation_details") or {})
    if "pause_collection" in params:
        _pause_collection(subscription, params["pause_collection"])
    if "discounts" in params:
        subscription["discounts"] = []
        if coupon := discounts.given(state, params["discounts"] or []):
            discounts.attach(state, *coupon, subscription)


def _pause_collection(subscription: Obj, given: Obj) -> None:
    """Bill on, but do not collect; "" clears it."""
    subscription["pause_collection"] = None
    if given:
        if subscription["status"] == "paused":
            raise Refused("Subscriptions that are paused cannot pause their collection.")
        kept = {"behavior": given["behavior"], "resumes_at": given.get("resumes_at") or None}
        subscription["pause_collection"] = kept


def planned(state: State, subscription: Obj, params: Obj) -> Change:
    """Return what an update of the items would do; previews ask it too."""
    at = params.get("proration_date", state.now)
    item = subscription["items"]["data"][0]
    inside = item["current_period_start"] <= at <= item["current_period_end"]
    if not inside and subscription["status"] != "paused":
        raise Refused(
            "Invalid proration_date: it must be within the current period.", param="proration_date"
        )
    items = changes.wanted_items(state, subscription, params.get("items") or [])
    reset = (params.get("billing_cycle_anchor") or {}).get("type") == "now"
    prorate = params.get("proration_behavior", "create_prorations") != "none"
    return changes.edit(state, subscription, items, at, prorate, reset)


def _update_items(state: State, subscription: Obj, params: Obj, reset: bool) -> None:
    if subscription["status"] not in ("active", "past_due", "trialing", "paused"):
        raise Refused(f"A subscription that is {subscription['status']} cannot change its items.")
    if reset and subscription["status"] == "paused":
        raise Refused("Resume the subscription to begin a new billing cycle.")
    change = planned(state, subscription, params)
    _drop_pending(state, subscription)
    at_once = params.get("proration_behavior") == "always_invoice" and bool(change.lines)
    if not (at_once or change.resets):
        for line in change.lines:
            store(state, line, subscription["customer"])
        with state.changing(subscription, UPDATED):
            change.apply(state, subscription)
        return
    _invoice_change(state, subscription, change, params.get("payment_behavior"))


def _drop_pending(state: State, subscription: Obj) -> None:
    """A new change makes an unpaid earlier one void."""
    if subscription["pending_update"]:
        invoices.void(state, state.get("invoice", subscription["latest_invoice"]))


def _invoice_change(state: State, subscription: Obj, change: Change, behavior: str | None) -> None:
    customer = state.get("customer", subscription["customer"])
    lines = [*waiting(state, customer["id"], subscription["id"]), *change.lines]
    if behavior == "error_if_incomplete":
        _refuse_failing(state, subscription, lines, "subscription_update")
    if behavior != "pending_if_incomplete":
        with state.changing(subscription, UPDATED):
            change.apply(state, subscription)
    invoice = invoices.create(state, customer, subscription, lines, "subscription_update")
    if behavior == "default_incomplete":
        invoices.finalize(state, invoice)
    elif behavior == "pending_if_incomplete":
        _collect_pending(state, subscription, change, invoice)
    else:
        invoices.collect(state, invoice, Situation.AWAY)


def _collect_pending(state: State, subscription: Obj, change: Change, invoice: Obj) -> None:
    """Apply the change when its invoice is paid; drop it if that takes 23 hours."""
    expires_at = state.now + HOURS_TO_PAY * HOUR

    def apply() -> None:
        was_pending = subscription["pending_update"] is not None
        with state.changing(subscription, UPDATED):
            change.apply(state, subscription)
            subscription["pending_update"] = None
        if was_pending:
            state.emit("customer.subscription.pending_update_applied", subscription)

    def drop() -> None:
        with state.changing(subscription, UPDATED):
            subscription["pending_update"] = None
        state.emit("customer.subscription.pending_update_expired", subscription)

    error = invoices.collect(state, invoice, Situation.AWAY, Awaited(expires_at, apply, drop))
    if error:
        with state.changing(subscription, UPDATED):
            subscription["pending_update"] = {
                "billing_cycle_anchor": change.anchor if change.resets else None,
                "expires_at": expires_at,
                "subscription_items": change.items,
                "trial_end": None,
                "trial_from_plan": None,
            }


def list_all(state: State, params: Obj) -> list[Obj]:
    """Return subscriptions, some by customer, price or status; ended ones only if asked for."""
    found = state.all("subscription", **_wanted(params, "customer", "collection_method"))
    status = params.get("status")
    if status is None:
        found = [one for one in found if one["status"] not in ending.ENDED]
    elif status == "ended":
        found = [one for one in found if one["status"] in ending.ENDED]
    elif status != "all":
        found = [one for one in found if one["status"] == status]
    if "price" in params:
        found = [one for one in found if params["price"] in _prices(one)]
    return found


def _wanted(params: Obj, *names: str) -> Obj:
    return {name: params[name] for name in names if name in params}


def _prices(subscription: Obj) -> list[str]:
    return [item["price"]["id"] for item in subscription["items"]["data"]]
