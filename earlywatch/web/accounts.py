"""Signing up, confirming the address, signing in and out."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from earlywatch.db import transaction
from earlywatch.errors import EarlywatchError
from earlywatch.models import Account
from earlywatch.services import accounts
from earlywatch.services.passwords import Busy, verify_password
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web import guards, limits
from earlywatch.web.account_forms import (
    ConfirmElsewhereForm,
    ConfirmForm,
    SignInForm,
    SignUpForm,
    refuse,
)
from earlywatch.web.guards import public
from earlywatch.web.limits import limiter

bp = Blueprint("accounts", __name__)

BROWSER_PROOF = "sign_up"
THERE = "there"  # where a new account wanted to go, kept until its address is confirmed


@bp.route("/sign-up", methods=["GET", "POST"])
@limiter.limit("10/minute; 60/hour", methods=["POST"])
@public
def sign_up() -> ResponseReturnValue:
    """Take an address and a password. The answer does not tell whether the address is known."""
    if g.get("account") is not None:
        return redirect("/monitors", 303)
    form = SignUpForm()
    if form.validate_on_submit():
        try:
            with transaction() as db_session:
                account = accounts.register(db_session, form.email.data, form.password.data, g.now)
        except EarlywatchError as error:
            refuse(form.password, error)
        else:
            session[BROWSER_PROOF] = _proof(account) if account else secrets.token_hex(32)
            session[THERE] = _local_path(request.args.get("next", ""))
            return redirect(url_for("accounts.check_mail"), 303)
    return render_template("accounts/sign_up.html", form=form)


@bp.route("/check-mail")
@public
def check_mail() -> ResponseReturnValue:
    """Say what comes next, for known and unknown addresses alike."""
    return render_template("accounts/check_mail.html", mailbox=not wiring().settings.smtp_url)


@bp.route("/confirm-email/<token>", methods=["GET", "POST"])
@limiter.limit("20/minute", methods=["POST"])
@public
def confirm_email(token: str) -> ResponseReturnValue:
    """Open the account behind a mailed link, at the press of a button.

    In another browser than the one that signed up, the password is asked for: whoever signs up
    with somebody else's address must not get an account out of that person's good faith.
    """
    try:
        with transaction() as db_session:
            account_id, epoch = wiring().links.read_account("confirm-email", token, g.now)
            account = accounts.lock_by_link(db_session, account_id, epoch)
            form = ConfirmForm() if _same_browser(account) else ConfirmElsewhereForm()
            confirmed = form.validate_on_submit() and _may_confirm(form, account)
            if confirmed:
                accounts.confirm(db_session, account, g.now, wiring().first_plan)
    except (InvalidToken, accounts.StaleLink) as error:
        return render_template("accounts/stale_link.html", sentence=str(error)), 410
    if not confirmed:
        return render_template("accounts/confirm.html", form=form, email=account.email)
    there = _local_path(session.get(THERE, ""))
    guards.sign_in(account)
    flash("Your address is confirmed. Alerts go to it by email.", "ok")
    return redirect(there, 303)


@bp.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("10/minute", methods=["POST"])
@limiter.limit("5/minute; 20/hour", key_func=limits.account_from_here, methods=["POST"])
@limiter.limit("100/hour", key_func=limits.account, methods=["POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Take address and password, and lead to where the visitor wanted to go."""
    there = _local_path(request.args.get("next", ""))
    if g.get("account") is not None:
        return redirect(there, 303)
    form = SignInForm()
    if form.validate_on_submit() and (account := _authenticate(form)):
        limits.give_back()
        if account.email_confirmed_at is None:
            session[BROWSER_PROOF] = _proof(account)
            return redirect(url_for("accounts.check_mail"), 303)
        guards.sign_in(account, remember=form.remember.data)
        return redirect(there, 303)
    return render_template("accounts/sign_in.html", form=form)


@bp.route("/sign-out", methods=["POST"])
@public
def sign_out() -> ResponseReturnValue:
    """End this session."""
    guards.sign_out()
    flash("You are signed out.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)


def _authenticate(form: SignInForm) -> Account | None:
    """Return the account, or None with the reason in `form`. An unconfirmed one is mailed again."""
    try:
        with transaction() as db_session:
            account = accounts.authenticate(db_session, form.email.data, form.password.data)
            if account is not None and account.email_confirmed_at is None:
                accounts.request_confirmation(db_session, account.id, g.now)
    except Busy as error:
        form.form_errors.append(str(error))
        return None
    if account is None:
        form.form_errors.append("The email address or the password is not right.")
    return account


def _may_confirm(form: ConfirmForm | ConfirmElsewhereForm, account: Account) -> bool:
    if isinstance(form, ConfirmForm):
        return True
    try:
        right = verify_password(account.password_hash, form.password.data)
    except Busy as error:
        refuse(form.password, error)
        return False
    if not right:
        form.password.errors = ["This is not the password that was chosen at the last sign-up."]
    return right


def _proof(account: Account) -> str:
    # Cookies are signed but readable, so nothing in them may tell whether an account exists.
    message = f"sign-up:{account.id}.{account.session_epoch}".encode()
    return hmac.new(str(current_app.secret_key).encode(), message, hashlib.sha256).hexdigest()


def _same_browser(account: Account) -> bool:
    return hmac.compare_digest(session.get(BROWSER_PROOF, ""), _proof(account))


def _local_path(wanted: str) -> str:
    """Return `wanted` if it is a path of this site, else the start page."""
    # Browsers read a backslash as a slash and skip control characters: "/\t/evil.example".
    plain = wanted.startswith("/") and wanted.isprintable() and "\\" not in wanted
    if not plain or wanted.startswith("//") or urlsplit(wanted).netloc:
        return "/monitors"
    return wanted
