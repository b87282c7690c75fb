"""Adding, changing, pausing and deleting monitors."""

from datetime import datetime

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from earlywatch.db import db, transaction
from earlywatch.domain.schedule import next_times
from earlywatch.domain.zone import zone_names
from earlywatch.models import Channel, Incident, Monitor, Ping
from earlywatch.services import channel_lists, dependencies, keyword_previews, monitors
from earlywatch.services.dependencies import UnfitParents
from earlywatch.services.keyword_previews import Trial
from earlywatch.services.limits import LimitReached
from earlywatch.services.slugs import SlugTaken, slug_of
from earlywatch.services.wiring import wiring
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.monitor_forms import MonitorForm
from earlywatch.web.paths import ID, bill_path, number
from earlywatch.web.roles import editor
from earlywatch.web.selling import limit_words

PREVIEWED = 5

bp = Blueprint("monitor_edits", __name__, url_prefix="/monitors")


@bp.route("/new", methods=["GET", "POST"])
@member_only
@editor
def new() -> ResponseReturnValue:
    """Add a monitor, then lead to its ping URL."""
    form = _blank()
    if request.method == "GET":
        form.read_schedule()
    if not form.validate_on_submit():
        return _page(form, None)
    try:
        with transaction() as session:
            monitor = monitors.create_monitor(session, g.workspace, form.values, g.now)
    except LimitReached as error:
        form.form_errors.append(limit_words(error))
        return _page(form, None, bill_path())
    except SlugTaken as error:
        form.slug.errors = [str(error)]
        return _page(form, None)
    except UnfitParents as error:
        form.refuse_parents(error)
        return _page(form, None)
    flash("Monitor added. It is judged from its first ping on.", "ok")
    return redirect(url_for("monitors.show", monitor_id=monitor.id), 303)


@bp.route(f"/<{ID}:monitor_id>/edit", methods=["GET", "POST"])
@member_only
@editor
def edit(monitor_id: int) -> ResponseReturnValue:
    """Change a monitor."""
    monitor = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    form = _form_of(monitor)
    if request.method == "GET":
        form.read_schedule()
        form.read_keywords()
    if not form.validate_on_submit():
        return _page(form, monitor)
    try:
        with transaction() as session:
            monitors.edit_monitor(session, g.workspace, monitor_id, form.values, g.now)
    except SlugTaken as error:
        form.slug.errors = [str(error)]
        return _page(form, monitor)
    except UnfitParents as error:
        form.refuse_parents(error)
        return _page(form, monitor)
    flash("Saved.", "ok")
    return redirect(url_for("monitors.show", monitor_id=monitor_id), 303)


@bp.route("/preview", methods=["POST"])
@member_only
@editor
def preview() -> ResponseReturnValue:
    """Show when the typed schedule expects pings; nothing is saved.

    htmx gets that part alone; without script the form comes back with it.
    """
    monitor_id = number(request.args.get("monitor"))
    monitor = None
    if monitor_id:
        monitor = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    form = _form_of(monitor) if monitor else _blank()
    form.read_schedule()
    if request.headers.get("HX-Request"):
        return render_template("monitors/_preview.html", form=form, times=_times(form))
    form.read_keywords()
    return _page(form, monitor)


@bp.route(f"/<{ID}:monitor_id>/words", methods=["POST"])
@member_only
@editor
def words(monitor_id: int) -> ResponseReturnValue:
    """Show what the latest pings would be by the typed words; nothing is saved.

    htmx gets that part alone; without script the form comes back with it.
    """
    monitor = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    form = _form_of(monitor)
    form.read_keywords()
    if request.headers.get("HX-Request"):
        trials = _trials(form, monitor)
        return render_template("monitors/_keywords.html", form=form, monitor=monitor, trials=trials)
    form.read_schedule()
    return _page(form, monitor, opened=True)


@bp.route(f"/<{ID}:monitor_id>/pause", methods=["POST"])
@member_only
@editor
def pause(monitor_id: int) -> ResponseReturnValue:
    """Stop judging a monitor."""
    with transaction() as session:
        monitors.pause_monitor(session, g.workspace, monitor_id, g.now)
    flash("Paused. Pings are kept, nothing is judged.", "ok")
    return redirect(url_for("monitors.show", monitor_id=monitor_id), 303)


@bp.route(f"/<{ID}:monitor_id>/resume", methods=["POST"])
@member_only
@editor
def resume(monitor_id: int) -> ResponseReturnValue:
    """Judge a monitor again."""
    try:
        with transaction() as session:
            monitors.resume_monitor(session, g.workspace, monitor_id, g.now)
    except LimitReached as error:
        flash(_with_way_on(error), "error")
    else:
        flash("Resumed. Its schedule counts from now.", "ok")
    return redirect(url_for("monitors.show", monitor_id=monitor_id), 303)


@bp.route(f"/<{ID}:monitor_id>/delete", methods=["GET", "POST"])
@member_only
@editor
def delete(monitor_id: int) -> ResponseReturnValue:
    """Say what deleting would take along; delete when confirmed."""
    monitor = monitors.find_monitor(db.session(), g.workspace, monitor_id)
    form = Form()
    if not form.validate_on_submit():
        losses = monitors.losses(db.session(), monitor)
        return render_template(
            "monitors/delete.html",
            form=form,
            monitor=monitor,
            losses=losses,
            most=monitors.MOST_COUNTED,
        )
    for table in monitors.HISTORY:
        _delete_history(monitor_id, table)
    with transaction() as session:
        name = monitors.delete_monitor(session, g.workspace, monitor_id, g.now)
    flash(f"{name} is deleted. Its ping URL answers 404 from now on.", "ok")
    return redirect(url_for("monitors.index"), 303)


def _delete_history(monitor_id: int, table: type[Ping | Incident]) -> None:
    # A transaction each: where one fails or the server stops, the next try goes on from there.
    after: int | None = 0
    while after is not None:
        with transaction() as session:
            after = monitors.delete_history(session, g.workspace, monitor_id, table, after)


def _with_way_on(error: LimitReached) -> str:
    bill = bill_path()
    link = Markup('<a href="{}">Open Billing</a>').format(bill) if bill else ""
    return Markup("{} {}").format(limit_words(error), link)


def _page(
    form: MonitorForm, monitor: Monitor | None, billing: str = "", *, opened: bool = False
) -> str:
    return render_template(
        "monitors/form.html",
        form=form,
        monitor=monitor,
        times=_times(form),
        zones=zone_names(),
        billing=billing,
        opened=opened,
        trials=_trials(form, monitor),
        ping_base_url=wiring().settings.ping_base_url,
        slug=_slug(form),
    )


def _slug(form: MonitorForm) -> str:
    """Return the name in ping URLs that is typed, or one that would fit."""
    if form.slug.data and not form.slug.errors:
        return str(form.slug.data)
    return slug_of(form.slug.data or form.name.data or "") or "nightly-backup"


def _trials(form: MonitorForm, monitor: Monitor | None) -> list[Trial]:
    if monitor is None or form.keywords is None:
        return []
    return keyword_previews.try_latest(db.session(), monitor, form.keywords)


def _times(form: MonitorForm) -> list[datetime]:
    """The next expected times, if a success came now."""
    return next_times(form.schedule, g.now, PREVIEWED) if form.schedule else []


def _form_of(monitor: Monitor) -> MonitorForm:
    used = monitors.channels_of(db.session(), monitor)
    parents = dependencies.offered(db.session(), g.workspace, monitor)
    return MonitorForm.of(monitor, used, _channels(), parents)


def _blank() -> MonitorForm:
    parents = dependencies.offered(db.session(), g.workspace)
    return MonitorForm.blank(g.workspace, _channels(), parents)


def _channels() -> list[Channel]:
    return [row.channel for row in channel_lists.list_channels(db.session(), g.workspace)]
