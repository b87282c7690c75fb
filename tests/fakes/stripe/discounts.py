"""Coupons, promotion codes, and what they take off."""

from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.periods import add_months, share
from tests.fakes.stripe.state import Obj, State, merged


def create_coupon(state: State, params: Obj) -> Obj:
    """Make a coupon: a percentage or an amount, once, for months or forever."""
    if ("percent_off" in params) == ("amount_off" in params):
        raise Refused("Must provide percent_off or amount_off.", param="percent_off")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise Refused("duration_in_months belongs to repeating coupons.", param="duration")
    key = params.get("id") or state.new_id("coupon")
    if key in state.table("coupon"):
        raise Refused("Coupon already exists.", param="id", code="resource_already_exists")
    coupon: Obj = {
        "id": key,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": state.now,
        "currency": params.get("currency"),
        "duration": duration,
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    state.emit("coupon.created", state.add(coupon))
    return coupon


def create_promotion_code(state: State, params: Obj) -> Obj:
    """Make the word that customers type for a coupon."""
    promotion = params["promotion"]
    coupon = state.get("coupon", promotion.get("coupon", ""), "promotion[coupon]")
    code = params.get("code") or state.new_id("CODE")
    if find_code(state, code):
        raise Refused("An active promotion code with this code already exists.", param="code")
    made = {
        "id": state.new_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": code,
        "created": state.now,
        "customer": params.get("customer"),
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata")),
        "promotion": {"type": "coupon", "coupon": coupon["id"]},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }
    state.emit("promotion_code.created", state.add(made))
    return made


def list_promotion_codes(state: State, params: Obj) -> list[Obj]:
    """Return promotion codes, some by code or by whether they are active."""
    wanted = {name: params[name] for name in ("active", "code") if name in params}
    return state.all("promotion_code", **wanted)


def find_code(state: State, code: str) -> Obj | None:
    """Return the promotion code that a customer typed, if it still counts."""
    found = [
        one
        for one in state.all("promotion_code", active=True)
        if one["code"].lower() == code.strip().lower()
        and (one["expires_at"] is None or one["expires_at"] > state.now)
        and (one["max_redemptions"] is None or one["times_redeemed"] < one["max_redemptions"])
    ]
    return found[0] if found else None


def given(state: State, wanted: list[Obj]) -> tuple[str, str | None] | None:
    """Return coupon and promotion code of a `discounts` parameter; None if it has none."""
    for one in wanted:
        if "promotion_code" in one:
            code = state.get("promotion_code", one["promotion_code"], "discounts[0]")
            return code["promotion"]["coupon"], code["id"]
        if "coupon" in one:
            return state.get("coupon", one["coupon"], "discounts[0]")["id"], None
    return None


def attach(state: State, coupon_id: str, code_id: str | None, subscription: Obj) -> str:
    """Give a subscription the discount of a coupon; return the discount's id."""
    coupon = state.get("coupon", coupon_id)
    coupon["times_redeemed"] += 1
    if code_id:
        state.get("promotion_code", code_id)["times_redeemed"] += 1
    months = coupon["duration_in_months"]
    discount = {
        "id": state.new_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "end": add_months(state.now, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code_id,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": state.now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
    state.add(discount)
    subscription["discounts"] = [discount["id"]]
    return str(discount["id"])


def taken_off(state: State, ids: list[str], amount: int, at: int) -> tuple[tuple[str, int], ...]:
    """Return how many cents each discount takes off an amount for a period that begins `at`."""
    result, rest = [], amount
    for key in ids:
        discount = state.get("discount", key)
        if discount["end"] is None or at < discount["end"]:
            cents = min(rest, coupon_value(state.get("coupon", discount["source"]["coupon"]), rest))
            result.append((key, cents))
            rest -= cents
    return tuple(result)


def coupon_value(coupon: Obj, amount: int) -> int:
    """Return what a coupon takes off an amount, in cents."""
    if coupon["percent_off"] is not None:
        return share(amount, round(coupon["percent_off"] * 100), 10_000)
    return min(amount, int(coupon["amount_off"]))


def used_once(state: State, subscription: Obj) -> None:
    """Drop the discounts that were for one invoice only."""
    subscription["discounts"] = [
        key
        for key in subscription["discounts"]
        if state.get("coupon", state.get("discount", key)["source"]["coupon"])["duration"] != "once"
    ]
