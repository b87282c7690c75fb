"""Maintenance windows: the list; adding, changing, ending early, deleting."""

from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.db import db, transaction
from earlywatch.domain.duration import format_duration
from earlywatch.domain.windows import Span
from earlywatch.domain.zone import zone_names
from earlywatch.models import Maintenance
from earlywatch.services import maintenance, maintenance_edits, monitor_lists, monitors
from earlywatch.services.maintenance_edits import InvalidMaintenance
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.maintenance_forms import MaintenanceForm
from earlywatch.web.paths import ID, number
from earlywatch.web.roles import editor, may_edit

PREVIEWED = 5
REST = timedelta(hours=1)  # of the button on the page of a monitor

bp = Blueprint("maintenance", __name__, url_prefix="/maintenance")


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show the windows: those it is in, those to come, those that were."""
    listing = maintenance_edits.list_windows(db.session(), g.workspace, g.now)
    return render_template("maintenance/index.html", listing=listing, may_edit=may_edit())


@bp.route("/new", methods=["GET", "POST"])
@member_only
@editor
def new() -> ResponseReturnValue:
    """Add a window."""
    form = MaintenanceForm.blank(g.workspace, g.now)
    if not form.validate_on_submit() or form.refuse_past(g.now):
        return _page(form, None)
    try:
        with transaction() as session:
            maintenance_edits.create_window(session, g.workspace, form.values, g.now)
    except InvalidMaintenance as error:
        form.form_errors.append(str(error))
        return _page(form, None)
    flash("Window added. Monitors are judged in it, but nobody is told.", "ok")
    return redirect(url_for("maintenance.index"), 303)


@bp.route(f"/<{ID}:maintenance_id>/edit", methods=["GET", "POST"])
@member_only
@editor
def edit(maintenance_id: int) -> ResponseReturnValue:
    """Change a window."""
    row = maintenance_edits.find_window(db.session(), g.workspace, maintenance_id)
    form = MaintenanceForm.of(row)
    if not form.validate_on_submit() or form.refuse_past(g.now):
        return _page(form, row)
    with transaction() as session:
        maintenance_edits.edit_window(session, g.workspace, maintenance_id, form.values)
    _look_again()
    flash("Saved.", "ok")
    return redirect(url_for("maintenance.index"), 303)


@bp.route("/preview", methods=["POST"])
@member_only
@editor
def preview() -> ResponseReturnValue:
    """Show when the typed window comes; nothing is saved.

    htmx gets that part alone; without script the form comes back with it.
    """
    row_id = number(request.args.get("window"))
    row = maintenance_edits.find_window(db.session(), g.workspace, row_id) if row_id else None
    form = MaintenanceForm.of(row) if row else MaintenanceForm.blank(g.workspace, g.now)
    form.validate()
    if request.headers.get("HX-Request"):
        return render_template("maintenance/_preview.html", form=form, spans=_spans(form))
    return _page(form, row)


@bp.route(f"/<{ID}:maintenance_id>/end", methods=["POST"])
@member_only
@editor
def end(maintenance_id: int) -> ResponseReturnValue:
    """End the window that it is in."""
    with transaction() as session:
        maintenance_edits.end_window(session, g.workspace, maintenance_id, g.now)
    _look_again()
    flash("The window is over. What is late still is told now.", "ok")
    return redirect(url_for("maintenance.index"), 303)


@bp.route(f"/<{ID}:maintenance_id>/delete", methods=["GET", "POST"])
@member_only
@editor
def delete(maintenance_id: int) -> ResponseReturnValue:
    """Say what that means; delete when confirmed."""
    row = maintenance_edits.find_window(db.session(), g.workspace, maintenance_id)
    form = Form()
    if not form.validate_on_submit():
        return render_template("maintenance/delete.html", form=form, row=row)
    with transaction() as session:
        name = maintenance_edits.delete_window(session, g.workspace, maintenance_id)
    _look_again()
    flash(f"{name} is deleted.", "ok")
    return redirect(url_for("maintenance.index"), 303)


@bp.route(f"/monitor/<{ID}:monitor_id>", methods=["POST"])
@member_only
@editor
def rest(monitor_id: int) -> ResponseReturnValue:
    """Let one monitor rest for a while from now on."""
    try:
        with transaction() as session:
            monitor = monitors.find_monitor(session, g.workspace, monitor_id)
            maintenance_edits.rest_monitor(session, g.workspace, monitor, REST, g.now)
    except InvalidMaintenance as error:
        flash(str(error), "error")
    else:
        flash(f"In maintenance for {format_duration(REST)}: nobody is told of it.", "ok")
    return redirect(url_for("monitors.show", monitor_id=monitor_id), 303)


def _look_again() -> None:
    # A transaction of its own, see `maintenance.wake`.
    with transaction() as session:
        maintenance.wake(session, g.workspace.id, g.now)


def _page(form: MaintenanceForm, row: Maintenance | None) -> str:
    if request.method == "GET":
        form.read_shown()
    return render_template(
        "maintenance/form.html",
        form=form,
        row=row,
        spans=_spans(form),
        zones=zone_names(),
        unknown=_unknown(form),
    )


def _spans(form: MaintenanceForm) -> list[Span]:
    return form.window.next_windows(g.now, PREVIEWED) if form.window else []


def _unknown(form: MaintenanceForm) -> list[str]:
    """Return the typed tags that no monitor has now."""
    known = set(monitor_lists.list_tags(db.session(), g.workspace))
    return [tag for tag in form.tags.value or () if tag not in known]
