"""One line of an invoice: what it is for, from when to when, how many cents."""

from dataclasses import dataclass, replace

from tests.fakes.stripe.discounts import taken_off
from tests.fakes.stripe.html import money
from tests.fakes.stripe.periods import share
from tests.fakes.stripe.segments import Segment
from tests.fakes.stripe.state import Obj, State

TIMES = "\u00d7"


@dataclass(frozen=True)
class Line:
    """`amount` in cents before discounts, negative for a credit; moments in Unix seconds."""

    amount: int
    start: int
    end: int
    description: str
    currency: str = "usd"
    price: Obj | None = None
    quantity: int = 1
    subscription: str | None = None
    item: str | None = None
    proration: bool = False
    discounts: tuple[tuple[str, int], ...] = ()
    invoice_item: str | None = None

    @property
    def off(self) -> int:
        """What the discounts take off, in cents."""
        return sum(cents for _, cents in self.discounts)

    @property
    def net(self) -> int:
        """What the customer pays for this line, in cents."""
        return self.amount - self.off


def name_of(state: State, item: Obj) -> str:
    """Return the quantity times the product's name, as lines begin."""
    product = state.get("product", item["price"]["product"])
    return f"{item['quantity']} {TIMES} {product['name']}"


def full_line(state: State, subscription: Obj, item: Obj, start: int, end: int) -> Line:
    """Return the line for one whole period."""
    price = item["price"]
    amount = price["unit_amount"] * item["quantity"]
    every = price["recurring"]["interval"]
    return Line(
        amount,
        start,
        end,
        f"{name_of(state, item)} (at {money(price['unit_amount'], price['currency'])} / {every})",
        price["currency"],
        price,
        item["quantity"],
        subscription["id"],
        item["id"],
        discounts=taken_off(state, subscription["discounts"], amount, start),
    )


def debit_line(state: State, subscription: Obj, item: Obj, period: Segment, at: int) -> Line:
    """Return the line for the rest of a period; `period` says how long the whole one is."""
    whole = full_line(state, subscription, item, period.start, period.end)
    part, length = period.end - at, period.end - period.start
    debit = replace(
        whole,
        amount=share(whole.amount, part, length),
        start=at,
        description=f"Remaining time on {name_of(state, item)}",
        proration=True,
        discounts=tuple((key, share(cents, part, length)) for key, cents in whole.discounts),
    )
    return debit if _itemized(subscription) else _net(debit, share(whole.net, part, length))


def credit_line(state: State, subscription: Obj, item: Obj, unused: Segment) -> Line:
    """Return the credit for a stretch that was billed and is not used."""
    discounts = subscription["discounts"][:1] if unused.off else []
    line = Line(
        -unused.gross,
        unused.start,
        unused.end,
        f"Unused time on {name_of(state, item)}",
        item["price"]["currency"],
        item["price"],
        item["quantity"],
        subscription["id"],
        item["id"],
        proration=True,
        discounts=tuple((key, -unused.off) for key in discounts),
    )
    return line if _itemized(subscription) and discounts else _net(line, -unused.net)


def _itemized(subscription: Obj) -> bool:
    flexible = subscription["billing_mode"].get("flexible") or {}
    return flexible.get("proration_discounts") == "itemized"


def _net(line: Line, amount: int) -> Line:
    """Return the line with its discount already inside the amount, Stripe's default."""
    return replace(line, amount=amount, discounts=())


def as_segment(line: Line) -> Segment:
    """Return what the line adds to the item's billed time."""
    return Segment(line.start, line.end, line.amount, line.off)


def shown(line: Line, key: str, invoice: str) -> Obj:
    """Return the line as the API shows it."""
    details: Obj = {
        "invoice_item": line.invoice_item,
        "proration": line.proration,
        "proration_details": {"credited_items": None} if line.proration else None,
        "subscription": line.subscription,
    }
    kind = "invoice_item_details"
    if line.item:
        kind = "subscription_item_details"
        details["subscription_item"] = line.item
    parent: Obj = {"invoice_item_details": None, "subscription_item_details": None, "type": kind}
    parent[kind] = details
    return {
        "id": key,
        "object": "line_item",
        "amount": line.amount,
        "currency": line.currency,
        "description": line.description,
        "discount_amounts": [{"amount": cents, "discount": di} for di, cents in line.discounts],
        "discountable": not line.proration,
        "discounts": [di for di, _ in line.discounts],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"end": line.end, "start": line.start},
        "pretax_credit_amounts": [],
        "pricing": pricing(line.price),
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
        "subscription": line.subscription,
        "subtotal": line.amount,
        "taxes": [],
    }


def pricing(price: Obj | None) -> Obj | None:
    """Return price and product as lines and invoice items name them."""
    if price is None:
        return None
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
