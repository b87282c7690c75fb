"""Who may open a page: every view is `public`, `signed_in`, `member_only` or `operator_only`."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, Response, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from earlywatch.db import db
from earlywatch.errors import NotFound
from earlywatch.models import Account
from earlywatch.services import accounts, workspaces
from earlywatch.services.wiring import wiring

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

READING = {"GET", "HEAD"}
# Whoever signs in next may be somebody else, so what was typed is not kept for them.
LOST = "You were signed out, so nothing was saved. Sign in, then do it once more."

login = LoginManager()
login.session_protection = None  # phones change their address all day


class Visitor(UserMixin):
    """An account as the session cookie knows it: raising its epoch ends the session."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return f"{self.account.id}.{self.account.session_epoch}"


@login.user_loader
def _load(key: str) -> Visitor | None:
    account_id, _, epoch = key.partition(".")
    account = accounts.find_signed_in(db.session(), int(account_id), int(epoch))
    return Visitor(account) if account else None


def register(app: Flask) -> None:
    """Let the site know who is signed in."""
    login.init_app(app, add_context_processor=False)  # error pages must not load anybody


def sign_in(account: Account, *, remember: bool = False) -> None:
    """Start a session; with `remember` it outlives the browser."""
    session.clear()
    session.permanent = remember
    login_user(Visitor(account))


def sign_out() -> None:
    """End this session, and forget everything it held."""
    logout_user()
    session.clear()


def greet() -> None:
    """Set `g.account`, `g.member` and `g.workspace` if somebody is signed in."""
    if not current_user.is_authenticated:
        return
    _stay_signed_in()
    g.account = current_user.account
    g.member = workspaces.find_member(db.session(), g.account.id)
    g.workspace = g.member.workspace if g.member else None


def _stay_signed_in() -> None:
    """Write the cookie anew once a day, so that only who stays away is forgotten."""
    today = g.now.date().isoformat()
    if session.permanent and session.get("seen_on") != today:
        session["seen_on"] = today


def public(view: View[P]) -> View[P]:
    """Let everybody in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        greet()
        return view(*args, **kwargs)

    return _marked(guarded, "public")


def signed_in(view: View[P]) -> View[P]:
    """Let in who is signed in, as `g.account`; others are asked to sign in first."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        greet()
        if g.get("account") is None:
            return _ask_to_sign_in()
        return view(*args, **kwargs)

    return _marked(guarded, "signed_in")


def member_only(view: View[P]) -> View[P]:
    """Let in members of a workspace, as `g.account`, `g.member`, `g.workspace`.

    Whatever the view shows or changes must be looked up within `g.workspace`.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        greet()
        if g.get("account") is None:
            return _ask_to_sign_in()
        if g.workspace is None:
            raise NotFound("You are not a member of any workspace.")
        return view(*args, **kwargs)

    return _marked(guarded, "member_only")


def operator_only(view: View[P]) -> View[P]:
    """Let in who runs this installation; for others there is no such page."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        greet()
        if g.get("account") is None:
            return _ask_to_sign_in()
        if not is_operator():
            raise NotFound("There is no such page.")
        return view(*args, **kwargs)

    return _marked(guarded, "operator_only")


def is_operator() -> bool:
    """Whether who is signed in runs this installation: `OPERATOR_EMAILS` names their address."""
    account: Account | None = g.get("account")
    return account is not None and account.email.lower() in wiring().settings.operator_emails


def _marked(view: View[P], name: str) -> View[P]:
    view.guard = name  # type: ignore[attr-defined]  # read by the house rules
    return view


def _ask_to_sign_in() -> ResponseReturnValue:
    """Lead to the form to sign in, and from there back to the page that is open."""
    if request.method not in READING:
        flash(LOST, "warn")
    if request.headers.get("HX-Request"):
        # A part of an open page: the whole page must go, not a form appear in its middle.
        here = _path_here(request.headers.get("HX-Current-URL"))
        there = url_for("accounts.sign_in", next=here)
        return Response(status=401, headers={"HX-Redirect": there})
    return redirect(url_for("accounts.sign_in", next=_page_of_form()), 303)


def _page_of_form() -> str | None:
    """Return the path of this page, or of the one whose button was pressed, if it is known."""
    if request.url_rule and request.url_rule.methods and "GET" in request.url_rule.methods:
        return request.full_path.rstrip("?")
    return _path_here(request.referrer)


def _path_here(url: str | None) -> str | None:
    """Return the path of a URL of this site, else None."""
    return url[len(request.host_url) - 1 :] if url and url.startswith(request.host_url) else None
