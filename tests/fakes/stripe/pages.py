"""The pages that people see at Stripe: checkout, an open invoice, the portal."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from tests.fakes.stripe import checkout, html, portal
from tests.fakes.stripe.cards import WORKING, Card, find_card
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.http import Request, Response
from tests.fakes.stripe.invoices import card_for
from tests.fakes.stripe.lines import TIMES
from tests.fakes.stripe.pdf import pdf
from tests.fakes.stripe.state import Obj, State

Fields = dict[str, str]
TYPED = " ".join(re.findall("....", WORKING.number))


def answer(state: State, request: Request) -> Response:
    """Show a page or take its form."""
    for pattern, page in PAGES:
        found = re.fullmatch(pattern, request.path)
        if found:
            fields = dict(parse_qsl(request.body, keep_blank_values=True))
            try:
                return page(state, found[1], fields if request.method == "POST" else None)
            except Refused as error:
                return _nothing(str(error), error.status)
    if request.path == "/style.css":
        return Response(200, html.STYLE.encode(), {"Content-Type": "text/css"})
    return _nothing("There is no such page", 404)


def _nothing(words: str, status: int = 410) -> Response:
    """Return a page that says only why there is nothing to do."""
    return Response.as_page(html.frame("Nothing to do", html.heading(words)), status)


def _card(typed: str) -> Card:
    card = find_card(typed)
    if card is None:
        raise Refused("Your card number is incorrect. Try 4242 4242 4242 4242.")
    return card


# Checkout


def _checkout(state: State, key: str, fields: Fields | None) -> Response:
    session = state.get("checkout.session", key)
    if session["status"] == "complete":
        return _nothing("You have already paid. There is nothing more to do here.")
    if session["status"] == "expired":
        return _nothing("This page has expired. Go back and start again.")
    if fields is None:
        return _show_checkout(state, session)
    try:
        return _pay_checkout(state, session, fields)
    except Refused as error:
        return _show_checkout(state, session, fields, str(error))


def _pay_checkout(state: State, session: Obj, fields: Fields) -> Response:
    if "code" in fields:
        checkout.use_code(state, session, fields["code"])
    if fields.get("do") == "apply":
        return _show_checkout(state, session, fields)
    card, confirmed = _card(fields.get("card", "")), fields.get("do") == "confirm"
    if card.asks_bank and not confirmed:
        return _show_checkout(state, session, fields, asks_bank=True)
    checkout.pay(state, session, card, confirmed)
    return Response.elsewhere(
        session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    )


def _show_checkout(
    state: State,
    session: Obj,
    fields: Fields | None = None,
    problem: str | None = None,
    asks_bank: bool = False,
) -> Response:
    typed = fields or {}
    total = html.money(session["amount_total"], session["currency"])
    items = state.checkouts[session["id"]]["items"]
    name = state.get("product", items[0]["price"]["product"])["name"]
    amount = html.money(session["amount_subtotal"], session["currency"])
    each = f"{amount} {_every(items[0]['price']['recurring'])}"
    lines = [(state.get("product", one["price"]["product"])["name"], _price(one)) for one in items]
    off = session["total_details"]["amount_discount"]
    if off:
        lines.append(("Discount", html.money(-off, session["currency"])))
    lines.append(("Due today", total))
    body = html.heading(f"Subscribe to {name}", each)
    body += html.rows(lines) + html.error(problem)
    if session["allow_promotion_codes"]:
        body += html.form(_code_form(typed))
    body += html.form(_checkout_form(typed, total, asks_bank))
    if session["cancel_url"]:
        body += html.link("Back", session["cancel_url"])
    return Response.as_page(html.frame(f"Subscribe to {name}", body))


def _code_form(typed: Fields) -> str:
    field = html.field("code", "Promotion code (optional)", typed.get("code", ""))
    return field + html.button("Apply the code", "apply", second=True)


def _checkout_form(typed: Fields, total: str, asks_bank: bool) -> str:
    if asks_bank:
        return _card_field(typed) + html.button("Confirm at your bank", "confirm")
    return _card_field(typed) + html.button(f"Pay {total}", "pay")


def _card_field(typed: Fields) -> str:
    return html.field(
        "card",
        "Card number",
        typed.get("card", TYPED),
        inputmode="numeric",
        autocomplete="cc-number",
    )


def _every(recurring: Obj) -> str:
    count = recurring["interval_count"]
    interval = recurring["interval"]
    return f"a {interval}" if count == 1 else f"every {count} {interval}s"


def _price(item: Obj) -> str:
    price = item["price"]
    amount = html.money(price["unit_amount"] * item["quantity"], price["currency"])
    return f"{amount} {_every(price['recurring'])}"


# An open invoice


def _invoice(state: State, key: str, fields: Fields | None) -> Response:
    invoice = state.get("invoice", key)
    if fields is None or invoice["status"] != "open":
        return _show_invoice(invoice)
    asks = _asks_bank(state, invoice)
    confirmed = fields.get("do") == "confirm"
    if asks and not confirmed:
        return _show_invoice(invoice, asks_bank=True)
    error = portal.pay_invoice(state, invoice, confirmed)
    return _show_invoice(invoice, str(error) if error else None)


def _asks_bank(state: State, invoice: Obj) -> bool:
    method = card_for(state, invoice)
    return method is not None and state.cards[method["id"]].asks_bank


def _show_invoice(invoice: Obj, problem: str | None = None, asks_bank: bool = False) -> Response:
    due = html.money(invoice["amount_due"], invoice["currency"])
    body = html.heading(f"Invoice {invoice['number']}", due) + html.rows(_lines(invoice))
    body += html.error(problem)
    if invoice["status"] != "open":
        body += f"<p>This invoice is {invoice['status']}.</p>"
    elif asks_bank:
        body += html.form(html.button("Confirm at your bank", "confirm"))
    else:
        body += html.form(html.button(f"Pay {due}", "pay"))
    body += html.link("Download the invoice as PDF", invoice["invoice_pdf"])
    return Response.as_page(html.frame(f"Invoice {invoice['number']}", body))


def _lines(invoice: Obj) -> list[tuple[str, str]]:
    currency = invoice["currency"]
    lines = [
        (one["description"] or "", html.money(one["amount"], currency))
        for one in invoice["lines"]["data"]
    ]
    off = sum(one["amount"] for one in invoice["total_discount_amounts"])
    more = [("Discount", -off), ("Credit used", invoice["starting_balance"])]
    lines += [(name, html.money(cents, currency)) for name, cents in more if cents]
    return [*lines, ("Due", html.money(invoice["amount_due"], currency))]


def _invoice_pdf(state: State, key: str, _fields: Fields | None) -> Response:
    invoice = state.get("invoice", key)
    lines = [f"Invoice {invoice['number']}", f"Status: {invoice['status']}", ""]
    lines += [f"{name}: {amount}" for name, amount in _lines(invoice)]
    headers = {
        "Content-Type": "application/pdf",
        "Content-Disposition": f'attachment; filename="Invoice-{invoice["number"]}.pdf"',
    }
    return Response(200, pdf([line.replace(TIMES, "x") for line in lines]), headers)


# The portal


def _portal(state: State, key: str, fields: Fields | None) -> Response:
    session = state.get("billing_portal.session", key)
    customer = state.get("customer", session["customer"])
    if fields is None:
        return _show_portal(state, session, customer)
    try:
        portal.change_card(state, customer, _card(fields.get("card", "")))
    except Refused as error:
        return _show_portal(state, session, customer, fields, str(error))
    after = ((session["flow"] or {}).get("after_completion") or {}).get("redirect") or {}
    target = after.get("return_url") or session["return_url"]
    return Response.elsewhere(target) if target else _show_portal(state, session, customer)


def _show_portal(
    state: State,
    session: Obj,
    customer: Obj,
    fields: Fields | None = None,
    problem: str | None = None,
) -> Response:
    key = customer["invoice_settings"]["default_payment_method"]
    for subscription in state.all("subscription", customer=customer["id"]):
        key = subscription["default_payment_method"] or key
    now = "no card"
    if key:
        card = state.get("payment_method", key)["card"]
        now = f"{card['brand'].title()} ending in {card['last4']}"
    body = html.heading("Change your card") + html.rows([("Card now", now)]) + html.error(problem)
    body += html.form(_card_field(fields or {}) + html.button("Save card", "save"))
    if session["return_url"]:
        body += html.link("Back", session["return_url"])
    return Response.as_page(html.frame("Change your card", body))


def _receipt(state: State, key: str, _fields: Fields | None) -> Response:
    charge = state.get("charge", key)
    amount = html.money(charge["amount"], charge["currency"])
    return Response.as_page(html.frame("Receipt", html.heading("Receipt", amount)))


PAGES: list[tuple[str, Callable[[State, str, Fields | None], Response]]] = [
    (r"/c/pay/(\w+)", _checkout),
    (r"/i/(\w+)", _invoice),
    (r"/i/(\w+)/pdf", _invoice_pdf),
    (r"/p/session/(\w+)", _portal),
    (r"/receipts/(\w+)", _receipt),
]
