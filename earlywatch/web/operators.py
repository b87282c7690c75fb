"""Pages for who runs this installation: what providers told us, and what became of it."""

from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.domain.outage_words import CAUSES
from earlywatch.services import event_lists, events, hearing, outage_news, outages
from earlywatch.services.event_lists import Wanted
from earlywatch.services.texts import printable
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import is_operator, operator_only
from earlywatch.web.paths import ID, number

LONGEST_FILTER = 100
OUTAGES_SHOWN = timedelta(days=90)

bp = Blueprint("operators", __name__, url_prefix="/operators")
bp.add_app_template_global(is_operator)


@bp.route("/events")
@operator_only
def list_events() -> ResponseReturnValue:
    """Show the call-backs that came in, newest first, and how many were turned away."""
    session, wanted = db.session(), _wanted()
    before, after = number(request.args.get("before")), number(request.args.get("after"))
    return render_template(
        "operators/events.html",
        wanted=wanted,
        query=_query(wanted),
        providers=event_lists.providers(session),
        page=event_lists.list_events(session, wanted, before, after),
        refusals=event_lists.refusals(session, g.now),
    )


@bp.route(f"/events/<{ID}:event_id>/replay", methods=["POST"])
@operator_only
def replay(event_id: int) -> ResponseReturnValue:
    """Let a worker handle an event once more."""
    with transaction() as session:
        event = events.replay(session, event_id, g.now)
    flash(f"{event.event_id} is handled again within seconds.", "ok")
    return redirect(url_for("operators.list_events", q=event.event_id), 303)


@bp.route("/hearing")
@operator_only
def show_hearing() -> ResponseReturnValue:
    """Show whether the canary is heard, and every outage of the last months."""
    session = db.session()
    known = hearing.find(session)
    return render_template(
        "operators/hearing.html",
        heard_at=known.heard_at,
        trusted=known.trusted,
        never_heard_since=outage_news.never_heard_since(session, g.now),
        outages=outages.history(session, g.now - OUTAGES_SHOWN),
        causes=CAUSES,
        ping_base_url=wiring().settings.ping_base_url,
        switched_on=wiring().settings.canary,
    )


def _wanted() -> Wanted:
    return Wanted(
        provider=_typed("provider"),
        unhandled=request.args.get("state") == "unhandled",
        words=_typed("q"),
    )


def _query(wanted: Wanted) -> dict[str, str]:
    """Return what an address needs to narrow the list the same way."""
    state = "unhandled" if wanted.unhandled else ""
    texts = {"q": wanted.words, "provider": wanted.provider, "state": state}
    return {name: text for name, text in texts.items() if text}


def _typed(name: str) -> str:
    text = request.args.get(name, "").strip()[:LONGEST_FILTER]
    return text if printable(text) else ""
