"""Links in mails about money: a page with one button, without signing in."""

from flask import Blueprint, abort, g, render_template
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.services import treasurers
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web import billing_pages, selling
from earlywatch.web.billing_desk import Desk
from earlywatch.web.guards import public
from earlywatch.web.stripe_turns import asks_stripe

bp = selling.register(Blueprint("billing_mail_links", __name__, url_prefix="/billing/mail"))

PAGES = {
    "extend": billing_pages.extend,
    "resume": billing_pages.resume,
    "cancel": billing_pages.cancel,
    "keep": billing_pages.keep,
}


@bp.errorhandler(InvalidToken)
def stale_link(error: InvalidToken) -> ResponseReturnValue:
    """Say why a link does nothing, and where the same can be done."""
    return render_template("billing/stale_link.html", sentence=str(error)), 410


@bp.route("/<purpose>/<token>", methods=["GET", "POST"])
@public
@asks_stripe
def act(purpose: str, token: str) -> ResponseReturnValue:
    """Say what would happen; do it when the button is pressed. Scanners of mail open links."""
    if purpose not in PAGES:
        abort(404)
    workspace_id, address = wiring().links.read_billing(purpose, token, g.now)
    workspace = treasurers.find_workspace(db.session(), workspace_id, address)
    if workspace is None:
        raise InvalidToken(f"{address} may not act on this bill any more.")
    return PAGES[purpose](Desk(workspace, address, by_mail=True))
