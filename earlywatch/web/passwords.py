"""A new password in place of a forgotten one."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import transaction
from earlywatch.errors import EarlywatchError
from earlywatch.services import accounts
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web import guards, limits
from earlywatch.web.account_forms import ForgottenForm, NewPasswordForm, refuse
from earlywatch.web.guards import public
from earlywatch.web.limits import limiter

bp = Blueprint("passwords", __name__)


@bp.route("/forgot-password", methods=["GET", "POST"])
@limiter.limit("10/minute; 60/hour", methods=["POST"])
@limiter.limit("5/minute; 20/hour", key_func=limits.account_from_here, methods=["POST"])
@limiter.limit("100/hour", key_func=limits.account, methods=["POST"])
@public
def forgot_password() -> ResponseReturnValue:
    """Mail a link, if there is such an account; the answer does not tell."""
    form = ForgottenForm()
    if form.validate_on_submit():
        with transaction() as session:
            accounts.request_reset(session, form.email.data, g.now)
        return redirect(url_for("accounts.check_mail"), 303)
    return render_template("accounts/forgot_password.html", form=form)


@bp.route("/reset-password/<token>", methods=["GET", "POST"])
@limiter.limit("20/minute", methods=["POST"])
@public
def reset_password(token: str) -> ResponseReturnValue:
    """Take the new password of whoever holds a mailed link."""
    form = NewPasswordForm()
    wanted = form.validate_on_submit()
    try:
        with transaction() as session:
            account_id, epoch = wiring().links.read_account("reset-password", token, g.now)
            account = accounts.lock_by_link(session, account_id, epoch)
            if wanted:
                accounts.reset_password(
                    session, account, form.password.data, g.now, wiring().first_plan
                )
    except (InvalidToken, accounts.StaleLink) as error:
        page = render_template("accounts/stale_link.html", sentence=str(error), reset=True)
        return page, 410
    except EarlywatchError as error:
        refuse(form.password, error)
        wanted = False
    if not wanted:
        return render_template("accounts/reset_password.html", form=form, email=account.email)
    guards.sign_in(account)
    flash("The new password is set. You were signed out everywhere else.", "ok")
    return redirect("/monitors", 303)
