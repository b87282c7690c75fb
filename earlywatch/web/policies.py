"""Policies: the list in the order in which they are asked; adding, changing, moving, deleting."""

from collections.abc import Sequence

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.domain.zone import zone_names
from earlywatch.models import Channel, Policy
from earlywatch.services import channel_lists, policies
from earlywatch.services.policies import InvalidPolicy
from earlywatch.services.routing import WITHOUT_POLICY, Route, route_of
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.paths import ID, number
from earlywatch.web.policy_forms import PolicyForm
from earlywatch.web.policy_words import Preview, monitor_words, preview
from earlywatch.web.roles import editor, may_edit

bp = Blueprint("policies", __name__, url_prefix="/policies")
bp.add_app_template_filter(monitor_words)


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show who is told when, policy by policy."""
    session = db.session()
    found = policies.list_policies(session, g.workspace)
    channels = {channel.id: channel for channel in _channels()}
    monitors = policies.watched(session, g.workspace)
    routes = [route_of(policy) for policy in found]
    rows = [
        (policy, preview(route, channels, monitors, policies.reach(monitors, route, routes[:at])))
        for at, (policy, route) in enumerate(zip(found, routes, strict=True))
    ]
    return render_template(
        "policies/index.html",
        rows=rows,
        others=policies.reach(monitors, WITHOUT_POLICY, routes).monitors,
        may_edit=may_edit(),
    )


@bp.route("/new", methods=["GET", "POST"])
@member_only
@editor
def new() -> ResponseReturnValue:
    """Add a policy behind the others."""
    form = PolicyForm.blank(g.workspace, _channels())
    if not form.validate_on_submit():
        return _page(form, None)
    assert form.values
    try:
        with transaction() as session:
            policies.create_policy(session, g.workspace, form.values, g.now)
    except InvalidPolicy as error:
        form.form_errors.append(str(error))
        return _page(form, None)
    flash("Policy added. It is asked after the others.", "ok")
    return redirect(url_for("policies.index"), 303)


@bp.route(f"/<{ID}:policy_id>/edit", methods=["GET", "POST"])
@member_only
@editor
def edit(policy_id: int) -> ResponseReturnValue:
    """Change a policy."""
    policy = policies.find_policy(db.session(), g.workspace, policy_id)
    form = PolicyForm.of(policy, _channels())
    if not form.validate_on_submit():
        return _page(form, policy)
    assert form.values
    with transaction() as session:
        policies.edit_policy(session, g.workspace, policy_id, form.values)
    flash("Saved. An open incident goes on where it is.", "ok")
    return redirect(url_for("policies.index"), 303)


@bp.route("/preview", methods=["POST"])
@member_only
@editor
def show_preview() -> ResponseReturnValue:
    """Show what the typed policy means; nothing is saved.

    htmx gets that part alone; without script the form comes back with it.
    """
    policy_id = number(request.args.get("policy"))
    policy = policies.find_policy(db.session(), g.workspace, policy_id) if policy_id else None
    channels = _channels()
    form = PolicyForm.of(policy, channels) if policy else PolicyForm.blank(g.workspace, channels)
    form.validate()
    if request.headers.get("HX-Request"):
        return render_template(
            "policies/_preview.html", preview=_preview(form, policy), refusals=form.refusals
        )
    return _page(form, policy)


@bp.route(f"/<{ID}:policy_id>/<any(up, down):where>", methods=["POST"])
@member_only
@editor
def move(policy_id: int, where: str) -> ResponseReturnValue:
    """Let a policy be asked before or after its neighbour."""
    with transaction() as session:
        policies.move_policy(session, g.workspace, policy_id, -1 if where == "up" else 1)
    return redirect(url_for("policies.index", _anchor=f"policy-{policy_id}"), 303)


@bp.route(f"/<{ID}:policy_id>/delete", methods=["GET", "POST"])
@member_only
@editor
def delete(policy_id: int) -> ResponseReturnValue:
    """Say what that means; delete when confirmed."""
    policy = policies.find_policy(db.session(), g.workspace, policy_id)
    form = Form()
    if not form.validate_on_submit():
        return render_template("policies/delete.html", form=form, policy=policy)
    with transaction() as session:
        name = policies.delete_policy(session, g.workspace, policy_id)
    flash(f"{name} is deleted.", "ok")
    return redirect(url_for("policies.index"), 303)


def _page(form: PolicyForm, policy: Policy | None) -> str:
    if request.method == "GET":
        form.read_shown()
    return render_template(
        "policies/form.html",
        form=form,
        policy=policy,
        preview=_preview(form, policy),
        refusals=form.refusals,
        zones=zone_names(),
    )


def _preview(form: PolicyForm, policy: Policy | None) -> Preview | None:
    """Return what the form means, None while it means nothing."""
    route = form.route
    if route is None:
        return None
    session = db.session()
    monitors = policies.watched(session, g.workspace)
    channels = {channel.id: channel for channel in _channels()}
    reach = policies.reach(monitors, route, _before(policy))
    return preview(route, channels, monitors, reach)


def _before(policy: Policy | None) -> Sequence[Route]:
    """Return what is asked before a policy; a new one is asked last."""
    found = policies.list_policies(db.session(), g.workspace)
    if policy is not None:
        found = [each for each in found if each.position < policy.position]
    return [route_of(each) for each in found]


def _channels() -> list[Channel]:
    return [row.channel for row in channel_lists.list_channels(db.session(), g.workspace)]
