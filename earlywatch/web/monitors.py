"""The list of monitors, and the page of one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.domain.monitor import Status
from earlywatch.domain.networks import short_network
from earlywatch.models import Incident, Monitor
from earlywatch.services import (
    channel_lists,
    dependencies,
    flapping,
    maintenance,
    monitor_history,
    monitor_lists,
    monitors,
    ping_keys,
    ping_log,
    run_views,
    slugs,
    watching,
)
from earlywatch.services.monitor_lists import Outcome, Run, Wanted
from earlywatch.services.texts import printable
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import member_only
from earlywatch.web.monitor_forms import MonitorForm
from earlywatch.web.monitor_words import headline, icon, number_words, why
from earlywatch.web.noise_words import held_words, patience_of, recovering_words, row_notes
from earlywatch.web.paths import ID, addresses_of, number
from earlywatch.web.roles import may_edit
from earlywatch.web.status import deaf_since

STATUSES = ("trouble", *Status)
LONGEST_FILTER = 100
UNKNOWN_SIZE = 0.5  # of a bar whose run told no start

bp = Blueprint("monitors", __name__, url_prefix="/monitors")
bp.add_app_template_filter(short_network)


@bp.app_template_global()
def live_path() -> str:
    """Return where an open page hears that something changed in its workspace."""
    return wiring().links.live_path(g.workspace.id, g.now)


@bp.app_template_filter()
def bars(runs: Sequence[Run]) -> list[tuple[str, float]]:
    """Return runs as bars of a strip: outcome, and length between 0 and 1 of the longest."""
    longest = max((run.duration for run in runs if run.duration), default=None)
    return [(run.outcome, _size(run, longest)) for run in runs]


@bp.app_template_filter()
def counted(value: float) -> str:
    """Return a number that a job told, as people write it."""
    return number_words(value)


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show the list: its heading is the state of the workspace."""
    listing = _listing()
    if not listing["counts"].of():
        return _welcome()
    tags = monitor_lists.list_tags(db.session(), g.workspace)
    return render_template("monitors/index.html", tags=tags, **listing)


@bp.route("/rows")
@member_only
def rows() -> ResponseReturnValue:
    """Show the part of the list that changes by itself."""
    return render_template("monitors/_rows.html", **_listing())


@bp.route(f"/<{ID}:monitor_id>")
@member_only
def show(monitor_id: int) -> ResponseReturnValue:
    """Show one monitor: how it is, how to ping it, what came, and who was told."""
    session = db.session()
    monitor = monitors.find_monitor(session, g.workspace, monitor_id)
    stories = monitor_history.stories(session, monitor)
    trouble = next((s.incident for s in stories if s.incident.resolved_at is None), None)
    status = monitor_lists.status_of(monitor, trouble, g.now, deaf_since())
    before, after = number(request.args.get("before")), number(request.args.get("after"))
    return render_template(
        "monitors/show.html",
        monitor=monitor,
        status=status,
        icon=icon(status),
        why=why(status, trouble, sticky=monitor.sticky_pause),
        trouble=trouble,
        stories=stories,
        runs=monitor_lists.recent_runs(session, [monitor.id])[monitor.id],
        channels=monitors.channels_of(session, monitor),
        log=ping_log.ping_log(session, monitor, before, after),
        addresses=addresses_of(monitor, g.workspace) if may_edit() else None,
        old_key=ping_keys.old_key(monitor, g.now),
        namesakes=slugs.namesakes(session, g.workspace, monitor),
        may_edit=may_edit(),
        plan=watching.plan_of(g.workspace),
        resting=maintenance.of_monitors(session, g.workspace, [monitor], g.now).get(monitor.id),
        **_told(monitor),
        **_noise(monitor, trouble),
    )


def _noise(monitor: Monitor, trouble: Incident | None) -> dict[str, Any]:
    """What keeps its alerts few, and why nobody is told of its trouble for now."""
    session = db.session()
    parents, children = dependencies.linked(session, monitor)
    restless = monitor.flapping_at is not None
    return {
        "parents": parents,
        "children": children,
        "patience": patience_of(monitor),
        "held": held_words(trouble, monitor) if trouble else "",
        "recovering": recovering_words(monitor),
        "flapping": restless and bool(flapping.flapping(session, [monitor.id], g.now)),
    }


def _told(monitor: Monitor) -> dict[str, Any]:
    """What its pings said about the job, and about themselves."""
    return {
        "open_runs": run_views.open_runs(monitor),
        "numbers": run_views.latest_numbers(db.session(), monitor),
        "new_source": run_views.new_source(db.session(), monitor, g.now),
        "was_refused": run_views.was_refused(monitor, g.now),
    }


def _size(run: Run, longest: timedelta | None) -> float:
    if run.outcome is Outcome.MISSED:
        return 1.0  # seen first, though nothing ran
    if longest is None or run.duration is None:
        return UNKNOWN_SIZE
    return run.duration / longest


def _welcome() -> ResponseReturnValue:
    channels = [row.channel for row in channel_lists.list_channels(db.session(), g.workspace)]
    form = MonitorForm.blank(g.workspace, channels)
    return render_template("monitors/welcome.html", form=form, may_edit=may_edit())


def _listing() -> dict[str, Any]:
    session, wanted = db.session(), _wanted()
    counts = monitor_lists.count_monitors(session, g.workspace, g.now, deaf_since())
    listing = monitor_lists.list_monitors(session, g.workspace, wanted, g.now, deaf_since())
    shown = [row.monitor for row in listing.rows]
    return {
        "wanted": wanted,
        "query": _query(wanted),
        "headline": headline(counts),
        "counts": counts,
        "listing": listing,
        "notes": row_notes(session, listing.rows, g.now),
        "resting": maintenance.of_monitors(session, g.workspace, shown, g.now),
        "may_edit": may_edit(),
    }


def _wanted() -> Wanted:
    status = request.args.get("status", "")
    return Wanted(
        words=_typed("q"),
        tag=_typed("tag"),
        status=status if status in STATUSES else "",
        page=number(request.args.get("page")) or 1,
    )


def _query(wanted: Wanted) -> dict[str, str]:
    """Return what an address needs to narrow the list the same way, but for the page."""
    texts = {"q": wanted.words, "status": wanted.status, "tag": wanted.tag}
    return {name: text for name, text in texts.items() if text}


def _typed(name: str) -> str:
    text = request.args.get(name, "").strip()[:LONGEST_FILTER]
    return text if printable(text) else ""
