"""The log of a monitor's pings, one ping, and what it carried."""

from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.clients.object_store import StoreError
from earlywatch.db import db, transaction
from earlywatch.errors import NotFound
from earlywatch.models import Monitor, Ping
from earlywatch.services import bodies, monitors, ping_log
from earlywatch.services.wiring import wiring
from earlywatch.web.body_views import view_body
from earlywatch.web.guards import member_only
from earlywatch.web.log_forms import LogForm, day_after, zone_of
from earlywatch.web.paths import ID, number

bp = Blueprint("pings", __name__, url_prefix="/monitors")


@bp.app_template_filter()
def short_id(run_id: UUID) -> str:
    """Return the end of a run id, enough to tell runs apart: it may begin with the time."""
    return str(run_id)[-8:]


@bp.route(f"/<{ID}:monitor_id>/pings")
@member_only
def index(monitor_id: int) -> ResponseReturnValue:
    """Show the log, narrowed by what the address says."""
    session = db.session()
    monitor = monitors.find_monitor(session, g.workspace, monitor_id)
    form = LogForm(request.args)
    search = form.search(zone_of(monitor))
    before, after = number(request.args.get("before")), number(request.args.get("after"))
    log = ping_log.ping_log(session, monitor, before, after, search) if search else None
    return render_template(
        "monitors/log.html",
        monitor=monitor,
        form=form,
        log=log,
        narrowed=search != ping_log.EVERYTHING,
        query=form.query(),
        looked_through=ping_log.LOOKED_THROUGH,
    )


@bp.route(f"/<{ID}:monitor_id>/pings/<{ID}:ping_id>")
@member_only
def show(monitor_id: int, ping_id: int) -> ResponseReturnValue:
    """Show one ping with its body: as JSON, text or hexadecimal, whatever fits or is asked for."""
    with transaction() as session:
        monitor = monitors.find_monitor(session, g.workspace, monitor_id)
        ping = ping_log.find_ping(session, g.workspace, monitor_id, ping_id)
    body, trouble = ping.body or b"", ""
    try:
        body = _whole_body(ping)
    except StoreError as error:
        trouble = str(error)
    return render_template(
        "monitors/ping.html",
        monitor=monitor,
        ping=ping,
        view=view_body(body, request.args.get("as", "")),
        size=len(body) if ping.body_bytes is None else ping.body_bytes,
        trouble=trouble,
        run_link=_run_link(monitor, ping),
    )


@bp.route(f"/<{ID}:monitor_id>/pings/<{ID}:ping_id>/body")
@member_only
def body(monitor_id: int, ping_id: int) -> ResponseReturnValue:
    """Give the body as a file. Never shown by a browser: a job may send any script."""
    with transaction() as session:
        ping = ping_log.find_ping(session, g.workspace, monitor_id, ping_id)
    if ping.body is None:
        raise NotFound("This ping carried nothing.")
    try:
        whole = _whole_body(ping)
    except StoreError as error:
        flash(str(error), "error")
        return redirect(url_for("pings.show", monitor_id=monitor_id, ping_id=ping_id))
    response = make_response(whole)
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers["Content-Disposition"] = f'attachment; filename="ping-{ping_id}.bin"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _whole_body(ping: Ping) -> bytes:
    """Outside of a transaction: an object store may take its time. Raises StoreError."""
    return bodies.read_body(ping, wiring().object_store)


def _run_link(monitor: Monitor, ping: Ping) -> str:
    """Return the log of the ping's run, looked for from the day after the ping on."""
    if ping.run_id is None:
        return ""
    until = day_after(ping.received_at, zone_of(monitor))
    return url_for("pings.index", monitor_id=monitor.id, run=ping.run_id, until=until)
