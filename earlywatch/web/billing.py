"""The bill: what is paid, when, with which card, for what; its invoices and its history."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from earlywatch.clients.stripe_shapes import StripeAway, StripeError
from earlywatch.db import db
from earlywatch.domain.plans import LIVE
from earlywatch.errands import stripe_pages, sync
from earlywatch.errors import NotFound
from earlywatch.services import billing_actions, history, invoices, subscriptions
from earlywatch.services.usage import usage
from earlywatch.services.wiring import wiring
from earlywatch.web import billing_words, selling
from earlywatch.web.billing_words import Bill
from earlywatch.web.guards import member_only
from earlywatch.web.limits import limiter, person
from earlywatch.web.paths import number
from earlywatch.web.roles import may_manage, treasurer
from earlywatch.web.stripe_turns import asks_stripe, turn

bp = selling.register(Blueprint("billing", __name__, url_prefix="/billing"))
billing_words.register(bp)

SHOWN_INVOICES = 3
SILENT = "Stripe does not answer at the moment; we go on asking."
USUAL_WAIT = timedelta(minutes=2)  # Stripe confirms within seconds

EACH = 3  # seconds from one question of a browser to the next
looks = limiter.shared_limit("600/hour", "billing-looks", key_func=person)


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show the bill."""
    rows = db.session()
    return render_template(
        "billing/index.html",
        bill=_bill(),
        shown=SHOWN_INVOICES,
        usage=usage(rows, g.workspace, g.now),
        under_way=billing_actions.under_way(rows, g.workspace.id),
        may_pay=may_manage(),
    )


@bp.route("/return")
@member_only
@looks
def back() -> ResponseReturnValue:
    """Wait for Stripe to confirm what was paid on its page; nothing is assumed.

    The page asks for itself anew, from `since` (Unix time) on.
    """
    session_id = request.args.get("session_id", "")
    if not session_id:
        return redirect(url_for("billing.index"), 303)
    since = _since()
    paid, said = _look_at(session_id)
    return render_template(
        "billing/return.html",
        bill=_bill() if paid else None,
        said=said,
        session_id=session_id,
        since=since,
        late=g.now - since > USUAL_WAIT,
    )


@bp.route("/history")
@member_only
def show_history() -> ResponseReturnValue:
    """Show every change of price, plan or state."""
    before = number(request.args.get("before"))
    lines = history.lines(db.session(), g.workspace.id, before)
    older = lines[-1].id if len(lines) == history.PER_PAGE else None
    return render_template("billing/history.html", lines=lines, before=before, older=older)


@bp.route("/invoices")
@member_only
def list_invoices() -> ResponseReturnValue:
    """Show all invoices."""
    found = invoices.list_invoices(db.session(), g.workspace.id)
    return render_template("billing/invoices.html", invoices=found, may_pay=may_manage())


@bp.route("/invoices/<invoice_id>")
@member_only
@treasurer  # that page takes payments, and shows an address
@asks_stripe
def show_invoice(invoice_id: str) -> ResponseReturnValue:
    """Lead to an invoice at Stripe, or with `?pdf` to its file: links to both age quickly."""
    hosted, pdf = stripe_pages.document_urls(g.workspace.id, invoice_id)
    there = pdf if "pdf" in request.args else hosted
    if there is None:
        raise NotFound("Stripe has no such document of this invoice.")
    return redirect(there, 303)


@bp.route("/card")
@member_only
@treasurer
@asks_stripe
def card() -> ResponseReturnValue:
    """Lead to Stripe's page where the card is changed."""
    back_to = wiring().settings.base_url + url_for("billing.index")
    return redirect(stripe_pages.portal_url(g.workspace.id, back_to), 303)


def _bill() -> Bill:
    rows = db.session()
    return billing_words.present(
        g.workspace,
        subscriptions.find(rows, g.workspace.id),
        invoices.list_invoices(rows, g.workspace.id),
    )


def _look_at(session_id: str) -> tuple[bool, str]:
    """Return whether the payment has arrived, and what is wrong if Stripe cannot say.

    Our own row is looked at each time; Stripe is asked anew after a while.
    """
    row = subscriptions.find(db.session(), g.workspace.id)
    if row is not None and row.status in LIVE:
        return True, ""
    asked_at, said = session.get("asked_stripe", (0, ""))
    if 0 <= g.now.timestamp() - asked_at < EACH:
        return False, said
    paid, said = _ask_stripe(session_id)
    session["asked_stripe"] = (g.now.timestamp(), said)
    return paid, said


def _ask_stripe(session_id: str) -> tuple[bool, str]:
    try:
        with turn():
            return sync.sync_checkout(g.workspace.id, session_id, g.now), ""
    except StripeAway:
        return False, SILENT
    except StripeError as error:
        return False, str(error)


def _since() -> datetime:
    """Return since when this page waits; it tells itself, so anything may come."""
    seconds = number(request.args.get("since"))
    now = int(g.now.timestamp())
    if seconds is None or not now - 24 * 3600 < seconds <= now:
        seconds = now
    return datetime.fromtimestamp(seconds, UTC)
