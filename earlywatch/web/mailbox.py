"""The mail of an installation without mail server, shown to whoever sits at the machine."""

from ipaddress import ip_address
from pathlib import Path

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from earlywatch.clients.mailbox import list_mailbox, read_mail
from earlywatch.config import is_on_loopback
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import public

bp = Blueprint("mailbox", __name__, url_prefix="/mailbox")

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
# A mail may look as it likes, and its links may be followed; it may not run or fetch anything.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation"
)


@bp.app_template_global()
def mailbox_here() -> bool:
    """Return whether this visitor may read the mail of an installation without mail server.

    Its mails hold links that open accounts: nobody may from elsewhere, not even through this
    machine. A proxy may hide where a request comes from, but then people reach the site at
    another address; and a page of a stranger may give its own name our address.
    """
    settings = wiring().settings
    named = (settings.base_url, f"//{request.headers.get('Host', '')}")
    return not settings.smtp_url and all(map(is_on_loopback, named)) and _from_this_machine()


@bp.route("")
@public
def index() -> ResponseReturnValue:
    """List the newest mails."""
    return render_template("mailbox/index.html", mails=list_mailbox(_directory()))


@bp.route("/<name>")
@public
def show(name: str) -> ResponseReturnValue:
    """Show one mail, as text and as it looks."""
    return render_template("mailbox/show.html", mail=read_mail(_directory(), name))


@bp.route("/<name>/html")
@public
def html(name: str) -> ResponseReturnValue:
    """Give the mail's HTML to the frame that shows it."""
    mail = read_mail(_directory(), name)
    response = Response(mail.html.replace("<head>", '<head><base target="_top">', 1))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _directory() -> Path:
    if not mailbox_here():
        abort(404)
    return wiring().settings.mailbox_dir


def _from_this_machine() -> bool:
    if any(header in request.headers for header in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
