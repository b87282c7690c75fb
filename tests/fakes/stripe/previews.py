"""`invoices.create_preview`: the invoice that an action would make. Nothing is stored."""

from tests.fakes.stripe import changes, customers
from tests.fakes.stripe.changes import Change
from tests.fakes.stripe.ending import ENDED
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.invoice_items import waiting
from tests.fakes.stripe.invoice_shape import compose
from tests.fakes.stripe.lines import Line
from tests.fakes.stripe.pausing import pause_change, resume_change
from tests.fakes.stripe.state import Obj, State
from tests.fakes.stripe.subscription_shape import new_subscription
from tests.fakes.stripe.subscriptions import planned


def create_preview(state: State, params: Obj) -> Obj:
    """Return the invoice of a subscription's renewal, change, pause, resumption or end."""
    details = params.get("subscription_details") or {}
    if "subscription" not in params:
        return _creation(state, params, details)
    subscription = state.get("subscription", params["subscription"], "subscription")
    if subscription["status"] in ENDED:
        raise _nothing(subscription["customer"])
    if details.get("pause"):
        return _pause(state, subscription, details["pause"])
    if details.get("resume_at"):
        return _resumption(state, subscription, details)
    if details.get("cancel_now"):
        return _end(state, subscription, details)
    if details.get("items") or details.get("billing_cycle_anchor"):
        return _change(state, subscription, details)
    ends = details.get("cancel_at_period_end", subscription["cancel_at"] is not None)
    if ends and not waiting(state, subscription["customer"], subscription["id"]):
        raise _nothing(subscription["customer"])
    return renewal(state, subscription, lines_only=ends)


def _nothing(customer: str) -> Refused:
    return Refused(
        f"No upcoming invoices for customer: {customer}", 404, code="invoice_upcoming_none"
    )


def _compose(state: State, subscription: Obj, lines: list[Line], reason: str) -> Obj:
    customer = state.get("customer", subscription["customer"])
    return compose(state, customer, subscription, lines, reason)


def renewal(state: State, subscription: Obj, lines_only: bool = False) -> Obj:
    """Return the next regular invoice; `lines_only`: just what waits, since it then ends."""
    if subscription["status"] == "paused":
        raise _nothing(subscription["customer"])
    lines = waiting(state, subscription["customer"], subscription["id"])
    if not lines_only:
        lines += changes.renew(state, subscription).lines
    return _next(state, subscription, lines)


def _next(state: State, subscription: Obj, lines: list[Line]) -> Obj:
    invoice = _compose(state, subscription, lines, "upcoming")
    invoice["period_start"] = subscription["items"]["data"][0]["current_period_start"]
    invoice["period_end"] = invoice["created"] = changes.period_end(subscription)
    return invoice


def _change(state: State, subscription: Obj, details: Obj) -> Obj:
    change = planned(state, subscription, details)
    waits = waiting(state, subscription["customer"], subscription["id"])
    if change.resets or (details.get("proration_behavior") == "always_invoice" and change.lines):
        return _compose(state, subscription, [*waits, *change.lines], "subscription_update")
    if subscription["status"] == "paused":
        raise _nothing(subscription["customer"])
    then = {**subscription, "items": {"data": change.items}}
    return _next(state, then, [*waits, *change.lines, *changes.renew(state, then).lines])


def _pause(state: State, subscription: Obj, pause: Obj) -> Obj:
    change = pause_change(state, subscription, pause)
    if pause.get("invoicing_behavior") != "invoice" or not change.lines:
        raise _nothing(subscription["customer"])
    waits = waiting(state, subscription["customer"], subscription["id"])
    return _compose(state, subscription, [*waits, *change.lines], "subscription_update")


def _resumption(state: State, subscription: Obj, details: Obj) -> Obj:
    if subscription["status"] != "paused":
        raise Refused("`resume_at` previews only subscriptions that are paused.")
    _, lines = resume_change(state, subscription, details)
    if lines is None:
        raise _nothing(subscription["customer"])
    return _compose(state, subscription, lines, "subscription_update")


def _end(state: State, subscription: Obj, details: Obj) -> Obj:
    """As a cancellation with `invoice_now`, and `prorate` unless that is said to be none."""
    change = Change(0, [])
    if details.get("proration_behavior") != "none" and subscription["status"] != "paused":
        at = details.get("proration_date", state.now)
        change = changes.stop(state, subscription, at)
    waits = waiting(state, subscription["customer"], subscription["id"])
    if not (waits or change.lines):
        raise _nothing(subscription["customer"])
    return _compose(state, subscription, [*waits, *change.lines], "subscription_update")


def _creation(state: State, params: Obj, details: Obj) -> Obj:
    """Return the first invoice of a subscription that does not exist yet."""
    if params.get("discounts"):
        raise Refused("This Stripe previews discounts of existing subscriptions only.")
    if "customer" not in params or not details.get("items"):
        raise Refused(
            "You must pass a subscription, or a customer with subscription_details[items].",
            param="subscription",
        )
    customer = customers.existing(state, params["customer"])
    subscription = new_subscription(state, customer, details)
    items = subscription["items"]["data"]
    change = changes.begin(state, subscription, items, state.now, state.now)
    lines = [*waiting(state, customer["id"], None), *change.lines]
    return compose(state, customer, subscription, lines, "upcoming")
