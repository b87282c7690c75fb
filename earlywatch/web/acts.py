"""Acknowledging and snoozing: by members on the site, by whoever got an alert through its link."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.domain.snooze import Act
from earlywatch.models import Incident
from earlywatch.services import act_links, snoozing
from earlywatch.services.acting import IsOver
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.web.act_words import Button, Standing, buttons, done_words, standing
from earlywatch.web.guards import member_only, public
from earlywatch.web.incident_words import headline
from earlywatch.web.link_pages import link_page
from earlywatch.web.paths import ID, number
from earlywatch.web.roles import editor, may_edit
from earlywatch.web.security import csrf

bp = Blueprint("acts", __name__, url_prefix="/incidents")


@dataclass(frozen=True)
class Area:
    """What a page shows of an incident's care: who has it, and what the visitor may do."""

    standing: Standing | None
    buttons: list[Button]


@bp.app_template_global()
def act_area(incident: Incident) -> Area:
    """Return what the visitor, a member, sees and may do about an incident."""
    zone = g.workspace.time_zone
    taken = None if incident.resolved_at else standing(incident, zone, g.now)
    return Area(taken, buttons(incident, zone, g.now) if may_edit() else [])


@bp.app_template_filter()
def care(incident: Incident | None) -> str:
    """Return who takes care of a monitor's trouble, for its line in the list; empty: nobody."""
    found = standing(incident, g.workspace.time_zone, g.now) if incident else None
    return found.words if found else ""


@bp.errorhandler(InvalidToken)
def stale_link(error: InvalidToken) -> ResponseReturnValue:
    """Say why a link does nothing, and where the same can be done."""
    page = render_template("incidents/stale_link.html", sentence=str(error))
    return page, 410, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@bp.route(f"/<{ID}:incident_id>/act", methods=["POST"])
@member_only
@editor
def press(incident_id: int) -> ResponseReturnValue:
    """Do what a button of the site says, and go back to where it was pressed."""
    act = _pressed()
    try:
        with transaction() as session:
            snoozing.check_mine(session, g.workspace, incident_id)
            incident = snoozing.press(session, incident_id, act, g.account.email, g.now)
    except IsOver as error:
        flash(str(error), "warn")
    else:
        flash(done_words(act, incident, g.workspace.time_zone, g.now), "ok")
    return redirect(_back(incident_id), 303)


@bp.route("/act/<token>", methods=["GET", "POST"])
@csrf.exempt
@public
@link_page
def by_link(token: str) -> ResponseReturnValue:
    """Show whoever got an alert what is the matter; do what they press. The link is the right.

    It says nothing that the alert did not.
    """
    links = wiring().links
    if request.method != "POST":
        holder = act_links.read(db.session(), links, token)
        return render_template("incidents/act.html", **_said(holder.incident))
    act = _pressed()
    try:
        with transaction() as session:
            holder = act_links.take(session, links, token, g.now)
            snoozing.press(session, holder.incident.id, act, holder.by, g.now)
    except IsOver:
        holder = act_links.read(db.session(), links, token)
        return render_template("incidents/act.html", **_said(holder.incident))
    said = _said(holder.incident)
    words = done_words(act, holder.incident, said["zone"], g.now)
    return render_template("incidents/acted.html", words=words, **said)


def _said(incident: Incident) -> dict[str, Any]:
    zone = snoozing.zone_of(db.session(), incident.id)
    return {
        "incident": incident,
        "zone": zone,
        "headline": headline(incident, g.now),
        "others": snoozing.count_others(db.session(), incident),
        "standing": standing(incident, zone, g.now, names=False),
        "buttons": buttons(incident, zone, g.now),
    }


def _pressed() -> Act:
    try:
        return Act(request.form.get("act", ""))
    except ValueError:
        abort(400)


def _back(incident_id: int) -> str:
    if monitor_id := number(request.form.get("monitor")):
        return url_for("monitors.show", monitor_id=monitor_id)
    return url_for("incidents.show", incident_id=incident_id)
