"""Confirming a channel, and the way out for its recipient."""

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.services import channel_proofs, channels
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web.account_forms import refuse
from earlywatch.web.channel_forms import CodeForm
from earlywatch.web.channels import page
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only, public
from earlywatch.web.limits import new_targets
from earlywatch.web.paths import ID
from earlywatch.web.roles import editor
from earlywatch.web.security import csrf

WRONG_CODE = "That is not the code. Type the six digits of the newest message."

bp = Blueprint("channel_proofs", __name__, url_prefix="/channels")


@bp.errorhandler(InvalidToken)
def stale_link(error: InvalidToken) -> ResponseReturnValue:
    """Say why a link does nothing, and where a new one comes from."""
    return render_template("channels/stale_link.html", sentence=str(error)), 410


@bp.route(f"/<{ID}:channel_id>/confirm-again", methods=["POST"])
@member_only
@editor
@new_targets
def again(channel_id: int) -> ResponseReturnValue:
    """Send a new link or code."""
    try:
        with transaction() as session:
            channel_proofs.request_confirmation(session, g.workspace, channel_id, g.now)
    except (channel_proofs.Unsubscribed, channels.TooSoon) as error:
        flash(str(error), "warn")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)


@bp.route(f"/<{ID}:channel_id>/code", methods=["POST"])
@member_only
@editor
def code(channel_id: int) -> ResponseReturnValue:
    """Confirm by the code that came in a text message."""
    form = CodeForm()
    try:
        with transaction() as session:
            right = channel_proofs.confirm_by_code(
                session, g.workspace, channel_id, form.code.data or "", wiring().links, g.now
            )
    except channel_proofs.NoGuessesLeft as error:
        refuse(form.code, error)
    else:
        if right:
            flash("Confirmed. Alerts are sent here from now on.", "ok")
            return redirect(url_for("channels.show", channel_id=channel_id), 303)
        form.code.errors = [WRONG_CODE]
    return page(channels.find_channel(db.session(), g.workspace, channel_id), form)


@bp.route("/confirm/<token>", methods=["GET", "POST"])
@public
def confirm(token: str) -> ResponseReturnValue:
    """Let whoever got the link agree to alerts.

    Opening it alone does nothing: scanners of mail open links.
    """
    form = Form()
    if not form.validate_on_submit():
        channel = channel_proofs.find_by_confirm_link(db.session(), wiring().links, token, g.now)
        return render_template("channels/confirm.html", form=form, channel=channel)
    with transaction() as session:
        channel = channel_proofs.confirm_by_link(session, wiring().links, token, g.now)
    return render_template("channels/confirmed.html", channel=channel)


@bp.route("/unsubscribe/<token>", methods=["GET", "POST"])
@csrf.exempt
@public
def unsubscribe(token: str) -> ResponseReturnValue:
    """Stop alerts to the reader of a mail, by our button or by the mail program's (RFC 8058)."""
    links = wiring().links
    if request.method != "POST":
        channel = channel_proofs.find_by_unsubscribe_link(db.session(), links, token, g.now)
        return render_template("channels/unsubscribe.html", channel=channel, token=token)
    with transaction() as session:
        channel = channel_proofs.unsubscribe(session, links, token, g.now)
    return render_template("channels/unsubscribe.html", channel=channel, token=token)


@bp.route("/subscribe-again/<token>", methods=["POST"])
@public
def subscribe_again(token: str) -> ResponseReturnValue:
    """Undo an unsubscription for whoever holds the link."""
    with transaction() as session:
        channel_proofs.subscribe_again(session, wiring().links, token, g.now)
    flash("Alerts are sent to you again.", "ok")
    return redirect(url_for("channel_proofs.unsubscribe", token=token), 303)
