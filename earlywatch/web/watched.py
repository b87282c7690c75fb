"""Choosing which monitors are watched when the plan allows fewer than there are."""

from dataclasses import replace

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.errors import NotFound
from earlywatch.services import plans, watching
from earlywatch.services.watching import Fitted
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.paths import bill_path, number
from earlywatch.web.roles import editor, may_edit

bp = Blueprint("watched", __name__, url_prefix="/billing/watched")


@bp.app_template_global()
def frozen_monitors() -> tuple[int, bool, str]:
    """Return how many of the visitor's monitors are frozen, if they may choose, and the bill."""
    if g.get("workspace") is None or watching.plan_of(g.workspace).monitors is None:
        return 0, False, ""  # a plan without a limit froze nothing: no page needs to ask
    return watching.count_frozen(db.session(), g.workspace.id), may_edit(), bill_path()


@bp.route("", methods=["GET", "POST"])
@member_only
@editor
def index() -> ResponseReturnValue:
    """Show the monitors with a box each; watch what is ticked, and freeze the rest."""
    form = Form()
    if not form.validate_on_submit():
        return _page(form)
    chosen = ticked()
    try:
        with transaction() as session:
            fitted = plans.choose(session, g.workspace, chosen, g.now)
    except watching.TooManyChosen as error:
        form.form_errors.append(str(error))
        return _page(form, chosen)
    flash(_said(fitted), "ok")
    return redirect(url_for("watched.index"), 303)


def ticked() -> set[int]:
    """Return the ids of the monitors ticked in a form with the chooser. Raises NotFound."""
    ids = {number(text) for text in request.form.getlist("watch")}
    if None in ids:
        raise NotFound("There is no such monitor.")
    return {monitor_id for monitor_id in ids if monitor_id}


def _said(fitted: Fitted) -> str:
    if not fitted.frozen and not fitted.thawed:
        return "Saved. Nothing else changes now."
    return f"Saved. {len(fitted.thawed)} watched again, {len(fitted.frozen)} frozen."


def _page(form: Form, chosen: set[int] | None = None) -> str:
    plan = watching.plan_of(g.workspace)
    choice = watching.choice(db.session(), g.workspace, plan.monitors)
    if chosen is not None:
        choice = replace(choice, chosen=chosen)
    return render_template(
        "billing/watched.html", form=form, choice=choice, plan=plan, billing=bill_path()
    )
