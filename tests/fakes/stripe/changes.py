"""What an action does to a subscription's items, periods and money: computed, then applied.

A preview shows the lines of a Change; the action applies the same Change. So their cents agree.
"""

from copy import deepcopy
from dataclasses import dataclass, field

from tests.fakes.stripe import catalog
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.lines import Line, as_segment, credit_line, debit_line, full_line
from tests.fakes.stripe.periods import period_at
from tests.fakes.stripe.segments import Segment, billed_until, split
from tests.fakes.stripe.state import Obj, State, merged


@dataclass
class Change:
    """The items afterwards, the lines to bill, and what each item is then billed for."""

    anchor: int  # of the billing cycle, Unix seconds
    items: list[Obj]
    lines: list[Line] = field(default_factory=list)
    billed: dict[str, list[Segment]] = field(default_factory=dict)
    resets: bool = False  # a new period begins, which is always invoiced at once

    def apply(self, state: State, subscription: Obj) -> None:
        """Make it so; prices that exist only in this change are stored."""
        for item in self.items:
            state.table("price").setdefault(item["price"]["id"], item["price"])
            state.table("subscription_item")[item["id"]] = item
        for gone in set(ids(subscription)) - {item["id"] for item in self.items}:
            del state.table("subscription_item")[gone]
        subscription["items"]["data"] = self.items
        subscription["items"]["total_count"] = len(self.items)
        subscription["billing_cycle_anchor"] = self.anchor
        state.billed.update(self.billed)


def ids(subscription: Obj) -> list[str]:
    """Return the ids of the items of a subscription."""
    return [item["id"] for item in subscription["items"]["data"]]


def period_end(subscription: Obj) -> int:
    """Return the end of the current period."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def begin(state: State, subscription: Obj, items: list[Obj], anchor: int, start: int) -> Change:
    """A whole period begins at `start` for all items."""
    recurring = items[0]["price"]["recurring"]
    _, end = period_at(anchor, recurring, start)
    change = Change(anchor, deepcopy(items), resets=True)
    for item in change.items:
        item |= {"current_period_start": start, "current_period_end": end, "billed_until": end}
        line = full_line(state, subscription, item, start, end)
        change.lines.append(line)
        change.billed[item["id"]] = [as_segment(line)]
    return change


def wanted_items(state: State, subscription: Obj, wanted: list[Obj]) -> list[Obj]:
    """Return copies of the items as an update's `items` want them. Nothing is stored."""
    items = {item["id"]: deepcopy(item) for item in subscription["items"]["data"]}
    for number, one in enumerate(wanted):
        key = one.get("id")
        if key is not None and key not in items:
            raise Refused(
                f"No such subscription_item: '{key}'",
                404,
                param=f"items[{number}][id]",
                code="resource_missing",
            )
        if one.get("deleted"):
            del items[key]
        elif key is not None:
            _edit(state, items[key], one)
        else:
            made = new_item(state, subscription["id"], one)
            items[made["id"]] = made
    if not items:
        raise Refused("A subscription must have at least one active item.", param="items")
    _one_interval(list(items.values()))
    return list(items.values())


def _edit(state: State, item: Obj, wanted: Obj) -> None:
    if "price" in wanted or "price_data" in wanted:
        item["price"] = _price(state, wanted)
        item["plan"] = catalog.as_plan(item["price"])
        item["quantity"] = wanted.get("quantity", 1)
    item["quantity"] = wanted.get("quantity", item["quantity"])
    item["metadata"] = merged(item["metadata"], wanted.get("metadata"))


def new_item(state: State, subscription: str, wanted: Obj) -> Obj:
    """Return a subscription item, not stored, whose period is not known yet."""
    price = _price(state, wanted)
    return {
        "id": state.new_id("si"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": state.now,
        "current_period_end": state.now,
        "current_period_start": state.now,
        "discounts": [],
        "metadata": merged({}, wanted.get("metadata")),
        "plan": catalog.as_plan(price),
        "price": price,
        "quantity": wanted.get("quantity", 1),
        "subscription": subscription,
        "tax_rates": [],
    }


def _price(state: State, wanted: Obj) -> Obj:
    if "price_data" in wanted:
        price = catalog.inline_price(state, wanted["price_data"])
    elif "price" in wanted:
        price = state.get("price", wanted["price"], "items[0][price]")
    else:
        raise Refused("Missing required param: items[0][price].", param="items[0][price]")
    if price["recurring"] is None:
        raise Refused(
            f"The price specified is set to `type=one_time` but this field only accepts prices"
            f" with `type=recurring`: {price['id']}",
            param="items[0][price]",
        )
    return price


def _one_interval(items: list[Obj]) -> None:
    """This Stripe bills all items of a subscription in one rhythm and currency."""
    first = items[0]["price"]
    for item in items:
        price = item["price"]
        if (price["recurring"], price["currency"]) != (first["recurring"], first["currency"]):
            raise Refused("All prices must have the same interval and currency.", param="items")


def rhythm(items: list[Obj]) -> tuple[str, int]:
    """Return the interval of the items and how many of it make a period."""
    recurring = items[0]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def edit(
    state: State, subscription: Obj, items: list[Obj], at: int, prorate: bool, reset: bool
) -> Change:
    """The items become `items`, prorated `at` a moment; another rhythm begins a period now.

    While paused only the items change: money follows when the subscription resumes.
    """
    old = subscription["items"]["data"]
    if subscription["status"] == "paused":
        prorate, reset = False, False
    elif rhythm(items) != rhythm(old):
        reset = True
    if reset:
        change = begin(state, subscription, items, state.now, state.now)
        change.lines[:0] = unused(state, subscription, old, at)[0] if prorate else []
        return change
    change = Change(subscription["billing_cycle_anchor"], deepcopy(items))
    by_id = {item["id"]: item for item in old}
    for item in change.items:
        item |= {
            name: old[0][name]
            for name in ("current_period_start", "current_period_end", "billed_until")
        }
        before = by_id.pop(item["id"], None)
        if prorate and (before is None or _worth(before) != _worth(item)):
            _swap(state, subscription, change, before, item, at)
    if prorate and by_id:
        lines, _ = unused(state, subscription, list(by_id.values()), at)
        change.lines += lines
    return change


def _worth(item: Obj) -> tuple[str, int]:
    return item["price"]["id"], item["quantity"]


def _swap(
    state: State, subscription: Obj, change: Change, before: Obj | None, item: Obj, at: int
) -> None:
    """Credit the old price's unused time and bill the new one's."""
    used: list[Segment] = []
    if before is not None:
        given_back, billed = unused(state, subscription, [before], at)
        change.lines += given_back
        used = billed[before["id"]]
    whole = Segment(item["current_period_start"], item["current_period_end"], 0)
    debit = debit_line(state, subscription, item, whole, at)
    change.lines.append(debit)
    change.billed[item["id"]] = [*used, as_segment(debit)]


def unused(
    state: State, subscription: Obj, items: list[Obj], at: int
) -> tuple[list[Line], dict[str, list[Segment]]]:
    """Return credits for what items are billed for from `at` on, and what then remains."""
    lines, rest = [], {}
    for item in items:
        rest[item["id"]], after = split(_billed(state, subscription, item), at)
        lines += [credit_line(state, subscription, item, segment) for segment in after]
    return [line for line in lines if line.amount], rest


def _billed(state: State, subscription: Obj, item: Obj) -> list[Segment]:
    """Return what an item is billed for; classic billing looks at today's price instead."""
    billed = state.billed.get(item["id"], [])
    if subscription["billing_mode"]["type"] == "flexible" or not billed:
        return billed
    start, end = item["current_period_start"], item["current_period_end"]
    return [as_segment(full_line(state, subscription, item, start, end))]


def renew(state: State, subscription: Obj) -> Change:
    """The next period begins where the current one ends."""
    items, anchor = subscription["items"]["data"], subscription["billing_cycle_anchor"]
    return begin(state, subscription, items, anchor, period_end(subscription))


def stop(state: State, subscription: Obj, at: int) -> Change:
    """Credit everything that is billed from `at` on; periods stay as they are."""
    items = subscription["items"]["data"]
    lines, rest = unused(state, subscription, items, at)
    return Change(subscription["billing_cycle_anchor"], deepcopy(items), lines, rest)


def join_cycle(state: State, subscription: Obj, at: int, prorate: bool) -> Change:
    """Go on in the old billing cycle after a pause; only time that is not billed yet costs."""
    anchor, items = subscription["billing_cycle_anchor"], subscription["items"]["data"]
    start, end = period_at(anchor, items[0]["price"]["recurring"], at)
    change = Change(anchor, deepcopy(items))
    for item in change.items:
        item |= {"current_period_start": start, "current_period_end": end, "billed_until": end}
        billed = state.billed.get(item["id"], [])
        begins = max(at, billed_until(billed))
        if prorate and begins < end:
            debit = debit_line(state, subscription, item, Segment(start, end, 0), begins)
            change.lines.append(debit)
            change.billed[item["id"]] = [*billed, as_segment(debit)]
    return change
