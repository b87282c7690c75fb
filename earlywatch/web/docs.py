"""The documentation: one template per page."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from earlywatch.assets import TEMPLATES
from earlywatch.channels.registry import kinds
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FLOOR, FOR_SALE, FREE
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import public

bp = Blueprint("docs", __name__, url_prefix="/docs")

PAGES = {path.stem for path in (TEMPLATES / "docs").glob("*.html")} - {"layout", "proof"}


@bp.route("", defaults={"name": "index"})
@bp.route("/<name>")
@public
def page(name: str) -> ResponseReturnValue:
    """Show one page."""
    if name not in PAGES:
        abort(404)
    settings = wiring().settings
    return render_template(
        f"docs/{name}.html",
        ping_base_url=settings.ping_base_url,
        ping_mail_domain=settings.ping_mail_domain,
        ping_burst=settings.ping_burst,
        ping_rate=settings.ping_rate,
        plans=(FREE, *FOR_SALE),
        kinds=kinds(),
        floor=Money(FLOOR),
    )
