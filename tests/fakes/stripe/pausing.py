"""The Pause endpoint and its way back. Money stops, the period stands still."""

from tests.fakes.stripe import changes, invoices
from tests.fakes.stripe.cards import Situation
from tests.fakes.stripe.changes import Change
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.invoice_items import store, waiting
from tests.fakes.stripe.lines import Line
from tests.fakes.stripe.periods import HOUR
from tests.fakes.stripe.state import Awaited, Obj, State
from tests.fakes.stripe.subscriptions import HOURS_TO_PAY, UPDATED, living


def pause(state: State, params: Obj, key: str) -> Obj:
    """Pause a subscription; unused time becomes credit as `bill_for` says. Raises Refused."""
    subscription = living(state, key)
    _refuse_unpausable(subscription)
    change = pause_change(state, subscription, params)
    customer = state.get("customer", subscription["customer"])
    if params.get("invoicing_behavior") == "invoice" and change.lines:
        lines = [*waiting(state, customer["id"], subscription["id"]), *change.lines]
        invoice = invoices.create(state, customer, subscription, lines, "subscription_update")
        invoices.collect(state, invoice, Situation.AWAY)
    else:
        for line in change.lines:
            store(state, line, customer["id"])
    with state.changing(subscription, UPDATED):
        change.apply(state, subscription)
        subscription["status"] = "paused"
        subscription["status_details"] = {
            "paused": {
                "subscription": {"type": "pause_requested"},
                "transitioned_at": state.now,
                "type": "subscription",
            }
        }
    state.emit("customer.subscription.paused", subscription)
    return subscription


def _refuse_unpausable(subscription: Obj) -> None:
    if subscription["billing_mode"]["type"] != "flexible":
        raise Refused("Only subscriptions with billing_mode type flexible can be paused.")
    if subscription["status"] != "active":
        raise Refused(
            f"You cannot pause a subscription that is {subscription['status']}: it must be active."
        )
    if subscription["pause_collection"]:
        raise Refused("Subscriptions with paused collection cannot be paused.")
    if subscription["pending_update"]:
        raise Refused("Subscriptions with a pending update cannot be paused.")


def pause_change(state: State, subscription: Obj, params: Obj) -> Change:
    """Return what pausing now would credit; previews ask it too."""
    wanted = (params.get("bill_for") or {}).get("unused_time_from") or {"type": "now"}
    if wanted["type"] == "none":
        items = subscription["items"]["data"]
        return Change(subscription["billing_cycle_anchor"], items)
    at = state.now
    if wanted["type"] == "item_current_period_start":
        at = min(item["current_period_start"] for item in subscription["items"]["data"])
    return changes.stop(state, subscription, at)


def resume(state: State, params: Obj, key: str) -> Obj:
    """Resume a paused subscription, once its invoice is paid if there is one. Raises Refused."""
    subscription = living(state, key)
    if subscription["status"] != "paused":
        raise Refused(
            f"You cannot resume a subscription that is {subscription['status']}: it must be paused."
        )
    _drop_earlier(state, subscription)
    change, lines = resume_change(state, subscription, params)
    if lines is None:
        for line in change.lines:
            store(state, line, subscription["customer"])
        _be_active(state, subscription, change)
        return subscription
    customer = state.get("customer", subscription["customer"])
    invoice = invoices.create(state, customer, subscription, lines, "subscription_update")
    on_success = params.get("payment_behavior") == "resume_on_payment_success"
    state.awaited[invoice["id"]] = _awaited(state, subscription, change, on_success)
    invoices.finalize(state, invoice)
    if on_success:
        invoices.attempt(state, invoice, Situation.AWAY)
    return subscription


def _drop_earlier(state: State, subscription: Obj) -> None:
    """A new resumption takes the place of one whose invoice was not paid."""
    latest = state.table("invoice").get(subscription["latest_invoice"] or "")
    if latest and latest["status"] == "open" and latest["id"] in state.awaited:
        invoices.void(state, latest)


def resume_change(state: State, subscription: Obj, params: Obj) -> tuple[Change, list[Line] | None]:
    """Return what resuming now does, and the invoice's lines, None if there is no invoice."""
    waits = waiting(state, subscription["customer"], subscription["id"])
    anchor = (params.get("billing_cycle_anchor") or {}).get("type", "now")
    if anchor == "now":
        items = subscription["items"]["data"]
        change = changes.begin(state, subscription, items, state.now, state.now)
        return change, [*waits, *change.lines]
    behavior = params.get("proration_behavior", "create_prorations")
    at = params.get("proration_date", state.now)
    change = changes.join_cycle(state, subscription, at, behavior != "none")
    if behavior == "always_invoice" and change.lines:
        return change, [*waits, *change.lines]
    return change, None


def _be_active(state: State, subscription: Obj, change: Change) -> None:
    with state.changing(subscription, UPDATED):
        change.apply(state, subscription)
        subscription |= {"status": "active", "status_details": None}
        if subscription["cancel_at_period_end"]:
            subscription["cancel_at"] = changes.period_end(subscription)
    state.emit("customer.subscription.resumed", subscription)


def _awaited(state: State, subscription: Obj, change: Change, on_success: bool) -> Awaited:
    """Resume when the invoice is paid, or, unless `on_success`, when somebody tried to pay."""

    def go_on() -> None:
        _be_active(state, subscription, change)

    def go_on_in_arrears() -> None:
        go_on()
        with state.changing(subscription, UPDATED):
            subscription["status"] = "past_due"

    def stay_paused() -> None:
        """The status has not changed: nothing to do."""

    expires_at = state.now + HOURS_TO_PAY * HOUR
    return Awaited(expires_at, go_on, stay_paused, None if on_success else go_on_in_arrears)
