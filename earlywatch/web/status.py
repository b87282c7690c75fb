"""How we are: whether we can hear, now and in the last months. Everybody may look."""

from datetime import datetime, timedelta

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.domain.outage_words import CAUSES
from earlywatch.services import hearing, outages
from earlywatch.web.guards import public

SHOWN = timedelta(days=90)

bp = Blueprint("status", __name__, url_prefix="/status")


@bp.app_template_global()
def deaf_since() -> datetime | None:
    """Return since when (UTC) nothing is judged because we cannot hear; asked once a page."""
    if "deaf_since" not in g:
        g.deaf_since = hearing.deaf_since(db.session(), g.now)
    found: datetime | None = g.deaf_since
    return found


@bp.route("")
@public
def index() -> ResponseReturnValue:
    """Show how we are, and our outages with their exact spans."""
    past = [each for each in outages.history(db.session(), g.now - SHOWN) if each.ended_at]
    return render_template("status.html", past=past, causes=CAUSES, days=SHOWN.days)
