"""Fire drills: start one, see who answered, and the page behind the button "Got it"."""

from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.domain.drilling import next_due
from earlywatch.models import Channel, Delivery
from earlywatch.services import drills, proving
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web.forms import Form, Switch
from earlywatch.web.guards import member_only, public
from earlywatch.web.link_pages import link_page
from earlywatch.web.roles import editor, may_edit
from earlywatch.web.security import csrf

bp = Blueprint("drills", __name__, url_prefix="/drills")


class WeeklyForm(Form):
    """Whether a drill is held every week."""

    weekly = Switch("Hold a fire drill every Monday at 9:00")


@bp.app_template_filter()
def answered_after(delivery: Delivery) -> timedelta:
    """Return how long it took from the alert of a drill to its answer."""
    assert delivery.answered_at is not None, "only what was answered took a time"
    return max(delivery.answered_at - (delivery.sent_at or delivery.created_at), timedelta(0))


@bp.app_template_global()
def unproven_channels() -> list[Channel]:
    """Return the channels in use of which nobody knows whether they are still read."""
    return list(proving.list_unproven(db.session(), g.workspace, g.now))


@bp.errorhandler(InvalidToken)
def stale_link(error: InvalidToken) -> ResponseReturnValue:
    """Say why a link does nothing."""
    page = render_template("drills/stale_link.html", sentence=str(error))
    return page, 410, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show the drills so far, and the button that starts one."""
    return render_template(
        "drills/index.html",
        history=drills.history(db.session(), g.workspace),
        form=WeeklyForm(formdata=None, weekly=g.workspace.drill_weekly),
        next_due=next_due(g.now, g.workspace.time_zone),
        may_edit=may_edit(),
    )


@bp.route("/start", methods=["POST"])
@member_only
@editor
def start() -> ResponseReturnValue:
    """Send an alert that asks for an answer to every channel."""
    try:
        with transaction() as session:
            drills.start(session, g.workspace, g.account.email, g.now)
    except (drills.TooSoon, drills.NobodyThere) as error:
        flash(str(error), "warn")
    else:
        flash("The drill has begun. Press “Got it” wherever it arrives.", "ok")
    return redirect(url_for("drills.index"), 303)


@bp.route("/weekly", methods=["POST"])
@member_only
@editor
def weekly() -> ResponseReturnValue:
    """Hold a drill every week, or not."""
    form = WeeklyForm()
    if form.validate_on_submit():
        with transaction() as session:
            drills.set_weekly(session, g.workspace.id, weekly=form.weekly.data)
        held = "A drill is held every Monday at 9:00." if form.weekly.data else "No weekly drill."
        flash(f"Saved. {held}", "ok")
    return redirect(url_for("drills.index"), 303)


@bp.route("/answer/<token>", methods=["GET", "POST"])
@csrf.exempt
@public
@link_page
def answer(token: str) -> ResponseReturnValue:
    """Let whoever got a drill say so. The link is the right to."""
    links = wiring().links
    with transaction() as session:
        if request.method == "POST":
            delivery = drills.answer(session, links, token, g.now)
        else:
            delivery = drills.read(session, links, token, g.now)
    return render_template("drills/answer.html", delivery=delivery, channel=delivery.channel)
