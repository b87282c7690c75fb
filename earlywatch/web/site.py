"""The front page, and what changed lately."""

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue

from earlywatch import __version__, assets
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import public

bp = Blueprint("site", __name__)


@bp.route("/")
@public
def index() -> ResponseReturnValue:
    """Show what Earlywatch is, or lead who is signed in to their monitors."""
    if g.get("account") is not None:
        return redirect("/monitors", 303)
    return render_template("landing.html", ping_base_url=wiring().settings.ping_base_url)


@bp.route("/version")
@public
def version() -> ResponseReturnValue:
    """Show the change log, as plain text."""
    changes = assets.CHANGELOG.read_text(encoding="utf-8")
    return f"Earlywatch {__version__}\n\n{changes}", {"Content-Type": "text/plain; charset=utf-8"}
