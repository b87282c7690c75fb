"""Ping keys: of the workspace, which opens its monitors by name, and changing any of them."""

from functools import partial

from flask import Blueprint, Response, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, RadioField
from wtforms.fields.choices import SelectChoice

from earlywatch.db import db, transaction
from earlywatch.domain.duration import format_duration
from earlywatch.models import Monitor
from earlywatch.models.workspace import Role
from earlywatch.services import monitors, ping_keys
from earlywatch.services.ping_keys import AT_ONCE, OVERLAPS, USUAL_OVERLAP, KeyChanged
from earlywatch.services.wiring import wiring
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.paths import ID, name_address, name_url, ping_address, ping_url
from earlywatch.web.roles import editor, keeper, may_manage

EXAMPLE = "nightly-backup"
LENGTHS = {format_duration(overlap): overlap for overlap in OVERLAPS if overlap} | {
    "not at all": AT_ONCE
}

bp = Blueprint("ping_keys", __name__)


class ChangeForm(Form):
    """How long the old key goes on working. `seen` is the key that the page showed."""

    overlap = RadioField(
        "How long the old key still works",
        choices=[SelectChoice(words, words[0].upper() + words[1:]) for words in LENGTHS],
        default=format_duration(USUAL_OVERLAP),
    )
    seen = HiddenField()


class EndForm(Form):
    """Nothing to choose. `seen` is the change of the key that the page showed."""

    seen = HiddenField()


@bp.after_request
def keep_no_copy(response: Response) -> Response:
    """Let no browser keep a page with a key after the person has left."""
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.app_template_global()
def may_see_ping_key() -> bool:
    """Tell whether the visitor may know the ping key of the workspace: all but viewers."""
    member = g.get("member")
    return member is not None and member.role != Role.VIEWER


@bp.route("/ping-key")
@member_only
@editor
def workspace() -> ResponseReturnValue:
    """Show the key of the workspace, what it opens, and who still uses the one before."""
    return render_template(
        "ping_keys/workspace.html",
        url=name_url(g.workspace, EXAMPLE),
        address=name_address(g.workspace, EXAMPLE),
        example=EXAMPLE,
        may_keep=may_manage(),
        **_replaced(None),
    )


@bp.route("/ping-key/change", methods=["GET", "POST"])
@member_only
@keeper
def change_workspace() -> ResponseReturnValue:
    """Say what a new key means for the jobs; make it when that is confirmed."""
    return _change(None, url_for("ping_keys.workspace"))


@bp.route("/ping-key/end", methods=["GET", "POST"])
@member_only
@keeper
def end_workspace() -> ResponseReturnValue:
    """Let the replaced key of the workspace work no longer."""
    return _end(None, url_for("ping_keys.workspace"))


@bp.route("/ping-key/create/<any(on, off):wanted>", methods=["POST"])
@member_only
@keeper
def switch_creation(wanted: str) -> ResponseReturnValue:
    """Choose whether pings may make monitors."""
    with transaction() as session:
        ping_keys.set_create_by_ping(session, g.workspace, allowed=wanted == "on")
    made = "make" if wanted == "on" else "make no"
    flash(f"Saved. Pings with create=1 {made} monitors.", "ok")
    return redirect(url_for("ping_keys.workspace"), 303)


@bp.route(f"/monitors/<{ID}:monitor_id>/key")
@member_only
@editor
def monitor(monitor_id: int) -> ResponseReturnValue:
    """Show the key of one monitor, and who still uses the one before."""
    found = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    return render_template(
        "ping_keys/monitor.html",
        monitor=found,
        url=ping_url(found),
        address=ping_address(found),
        **_replaced(found),
    )


@bp.route(f"/monitors/<{ID}:monitor_id>/key/change", methods=["GET", "POST"])
@member_only
@editor
def change_monitor(monitor_id: int) -> ResponseReturnValue:
    """Say what a new key means for the job; make it when that is confirmed."""
    found = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    return _change(found, url_for("ping_keys.monitor", monitor_id=monitor_id))


@bp.route(f"/monitors/<{ID}:monitor_id>/key/end", methods=["GET", "POST"])
@member_only
@editor
def end_monitor(monitor_id: int) -> ResponseReturnValue:
    """Let the replaced key of a monitor work no longer."""
    found = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    return _end(found, url_for("ping_keys.monitor", monitor_id=monitor_id))


def _change(found: Monitor | None, home: str) -> ResponseReturnValue:
    form = ChangeForm()
    if not form.validate_on_submit():
        return _confirm(form, found, home)
    rotate = (
        partial(ping_keys.rotate_monitor_key, monitor_id=found.id)
        if found
        else ping_keys.rotate_workspace_key
    )
    overlap, seen = LENGTHS[form.overlap.data], form.seen.data or ""
    try:
        with transaction() as session:
            rotate(session, g.workspace, overlap=overlap, now=g.now, seen=seen)
    except KeyChanged as error:
        flash(str(error), "warn")
    else:
        jobs = "the new URL to the job" if found else "the new URLs to the jobs"
        flash(f"The ping key is changed. Give {jobs}.", "ok")
    return redirect(home, 303)


def _confirm(form: ChangeForm, found: Monitor | None, home: str) -> str:
    keyed = found or g.workspace
    form.seen.data = str(keyed.ping_key)
    old = ping_keys.old_key(keyed, g.now)
    mailed = wiring().settings.ping_mail_domain is not None
    return render_template(
        "ping_keys/change.html", form=form, monitor=found, old=old, home=home, mailed=mailed
    )


def _end(found: Monitor | None, home: str) -> ResponseReturnValue:
    form = EndForm()
    if not form.validate_on_submit():
        old = ping_keys.old_key(found or g.workspace, g.now)
        form.seen.data = old.change if old else ""
        users = ping_keys.users_of_old_key(db.session(), g.workspace, found)
        return render_template(
            "ping_keys/end.html", form=form, monitor=found, users=users, home=home
        )
    monitor_id, seen = found.id if found else None, form.seen.data or ""
    try:
        with transaction() as session:
            ping_keys.end_overlap(session, g.workspace, monitor_id, seen=seen)
    except KeyChanged as error:
        flash(str(error), "warn")
    else:
        flash("The old key answers 404 from now on.", "ok")
    return redirect(home, 303)


def _replaced(found: Monitor | None) -> dict[str, object]:
    """What a page tells of the key that was replaced, if it still works.

    `both`: this monitor's and the workspace's key are changing, so a ping may have used either.
    """
    old = ping_keys.old_key(found or g.workspace, g.now)
    users = ping_keys.users_of_old_key(db.session(), g.workspace, found) if old else []
    both = bool(found and found.slug and ping_keys.old_key(g.workspace, g.now))
    return {"old": old, "users": users, "both": both}
