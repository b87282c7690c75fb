"""Products and prices."""

from typing import Any

from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.state import Obj, State, merged


def create_product(state: State, params: Obj) -> Obj:
    """Make a product; its id may be chosen."""
    key = params.get("id") or state.new_id("prod")
    if key in state.table("product"):
        raise Refused("Product already exists.", param="id", code="resource_already_exists")
    product = {
        "id": key,
        "object": "product",
        "active": params.get("active", True),
        "created": state.now,
        "default_price": None,
        "description": params.get("description"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merged({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "type": "service",
        "unit_label": params.get("unit_label"),
        "updated": state.now,
        "url": params.get("url"),
    }
    state.emit("product.created", state.add(product))
    return product


def update_product(state: State, params: Obj, key: str) -> Obj:
    """Change what may be changed of a product."""
    product = state.get("product", key)
    with state.changing(product, "product.updated"):
        for name in ("active", "description", "name", "statement_descriptor", "tax_code", "url"):
            product[name] = params.get(name, product[name])
        product["metadata"] = merged(product["metadata"], params.get("metadata"))
        product["updated"] = state.now
    return product


def list_products(state: State, params: Obj) -> list[Obj]:
    """Return products, some by id or by whether they are active."""
    wanted = {"active": params["active"]} if "active" in params else {}
    found = state.all("product", **wanted)
    return [one for one in found if one["id"] in params.get("ids", [one["id"]])]


def inline_price(state: State, data: Obj, param: str = "price_data") -> Obj:
    """Return the price that `price_data` describes, not stored yet."""
    if "unit_amount" not in data:
        raise Refused(
            f"Missing required param: {param}[unit_amount].",
            param=f"{param}[unit_amount]",
            code="parameter_missing",
        )
    if data["unit_amount"] < 0:
        raise Refused("Invalid non-negative integer", param=f"{param}[unit_amount]")
    product = data.get("product") or ""
    if product not in state.table("product"):
        state.get("product", product, f"{param}[product]")
    price = _price(state, data)
    price["active"] = False  # Stripe keeps inline prices out of its catalogue
    return price


def create_price(state: State, params: Obj) -> Obj:
    """Make a price, perhaps with a lookup key taken over from another."""
    if "product_data" in params:
        product = {"name": params["product_data"]["name"]}
        params["product"] = create_product(state, product)["id"]
    if "product" not in params:
        raise Refused("Missing required param: product.", param="product", code="parameter_missing")
    state.get("product", params["product"], "product")
    if "unit_amount" not in params:
        raise Refused(
            "Missing required param: unit_amount.", param="unit_amount", code="parameter_missing"
        )
    _take_lookup_key(state, params)
    price = _price(state, params)
    state.emit("price.created", state.add(price))
    return price


def _price(state: State, data: Obj) -> Obj:
    recurring: Any = None
    if "recurring" in data:
        recurring = {
            "interval": data["recurring"]["interval"],
            "interval_count": data["recurring"].get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }
    return {
        "id": state.new_id("price"),
        "object": "price",
        "active": data.get("active", True),
        "billing_scheme": "per_unit",
        "created": state.now,
        "currency": data["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": data.get("lookup_key"),
        "metadata": merged({}, data.get("metadata")),
        "nickname": data.get("nickname"),
        "product": data["product"],
        "recurring": recurring,
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": data["unit_amount"],
        "unit_amount_decimal": str(data["unit_amount"]),
    }


def as_plan(price: Obj) -> Obj:
    """Return a price in its older shape, which subscription items still carry."""
    names = ("id", "active", "billing_scheme", "created", "currency", "livemode", "metadata")
    return {
        **{name: price[name] for name in (*names, "nickname", "product", "tiers_mode")},
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "meter": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _take_lookup_key(state: State, params: Obj) -> None:
    """See that no other price keeps the lookup key that one asks for."""
    key, transfer = params.get("lookup_key"), params.get("transfer_lookup_key")
    for other in state.all("price", lookup_key=key) if key else []:
        if not transfer:
            raise Refused(
                f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key"
            )
        with state.changing(other, "price.updated"):
            other["lookup_key"] = None


def update_price(state: State, params: Obj, key: str) -> Obj:
    """Change what may be changed of a price: never its amount."""
    price = state.get("price", key)
    with state.changing(price, "price.updated"):
        _take_lookup_key(state, params)
        for name in ("active", "lookup_key", "nickname", "tax_behavior"):
            price[name] = params.get(name, price[name])
        price["metadata"] = merged(price["metadata"], params.get("metadata"))
    return price


def list_prices(state: State, params: Obj) -> list[Obj]:
    """Return prices, some by lookup keys, product or whether they are active."""
    wanted = {name: params[name] for name in ("active", "product", "type") if name in params}
    found = state.all("price", **wanted)
    if "lookup_keys" in params:
        found = [price for price in found if price["lookup_key"] in params["lookup_keys"]]
    return found
