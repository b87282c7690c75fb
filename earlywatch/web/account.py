"""One's own account, and the zone in which the workspace reads its times."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from earlywatch.db import transaction
from earlywatch.domain.zone import zone_names
from earlywatch.errors import EarlywatchError
from earlywatch.services import accounts, workspaces
from earlywatch.web import guards
from earlywatch.web.account_forms import ChangePasswordForm, ConfirmForm, TimeZoneForm, refuse
from earlywatch.web.guards import member_only, signed_in
from earlywatch.web.limits import limiter
from earlywatch.web.roles import editor, may_edit

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.route("")
@signed_in
def show() -> ResponseReturnValue:
    """Show what can be changed."""
    return _page()


@bp.route("/password", methods=["GET", "POST"])
@limiter.limit("10/minute; 60/hour", methods=["POST"])
@signed_in
def change_password() -> ResponseReturnValue:
    """Replace the password; every other session ends."""
    form = ChangePasswordForm()
    if not form.validate_on_submit():
        return _page(password_form=form)
    account_id = g.account.id
    try:
        with transaction() as session:
            account = accounts.change_password(session, account_id, form.old.data, form.new.data)
    except accounts.WrongPassword as error:
        refuse(form.old, error)
    except EarlywatchError as error:
        refuse(form.new, error)
    else:
        guards.sign_in(account, remember=cookie.permanent)
        flash("The password is changed. You were signed out everywhere else.", "ok")
        return redirect(url_for("account.show"), 303)
    return _page(password_form=form)


@bp.route("/sign-out-everywhere", methods=["POST"])
@signed_in
def sign_out_everywhere() -> ResponseReturnValue:
    """End every session of this account, this one too."""
    with transaction() as session:
        accounts.end_sessions(session, g.account.id)
    guards.sign_out()
    flash("You are signed out on every device.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)


@bp.route("/time-zone", methods=["GET", "POST"])
@member_only
@editor
def set_time_zone() -> ResponseReturnValue:
    """Choose in which zone everybody in the workspace is shown its times."""
    form = TimeZoneForm()
    if not form.validate_on_submit():
        return _page(zone_form=form)
    try:
        with transaction() as session:
            workspaces.set_time_zone(session, g.workspace.id, form.time_zone.data)
    except EarlywatchError as error:
        refuse(form.time_zone, error)
        return _page(zone_form=form)
    flash(f"Times are shown for {form.time_zone.data.strip()}.", "ok")
    return redirect(url_for("account.show"), 303)


def _page(
    password_form: ChangePasswordForm | None = None, zone_form: TimeZoneForm | None = None
) -> str:
    return render_template(
        "accounts/account.html",
        password_form=password_form or ChangePasswordForm(formdata=None),
        zone_form=zone_form or TimeZoneForm(formdata=None, data=_zone()),
        sign_out_form=ConfirmForm(formdata=None),
        zones=zone_names(),
        may_edit=g.member is not None and may_edit(),
    )


def _zone() -> dict[str, str]:
    return {"time_zone": g.workspace.time_zone} if g.workspace else {}
