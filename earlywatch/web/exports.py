"""Taking everything along: the page, and the files it offers."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore

from flask import Blueprint, Response, g, render_template, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from earlywatch.db import release, transaction
from earlywatch.models import Workspace
from earlywatch.services import exports
from earlywatch.services.wiring import wiring
from earlywatch.web.guards import member_only
from earlywatch.web.limits import limiter, person
from earlywatch.web.roles import may_edit

AT_ONCE = 2  # downloads of a process: each holds one of the site's few threads to its end
RETRY_AFTER = 60  # seconds
PIECE = 64 * 1024  # bytes; one that is not taken for long ends the download, see `asgi.Answering`

Write = Callable[[Session, Workspace, str, datetime], Iterator[str]]

bp = Blueprint("exports", __name__, url_prefix="/export")
logger = logging.getLogger(__name__)

often_enough = limiter.shared_limit("60/hour", "exports", key_func=person)
_places = BoundedSemaphore(AT_ONCE)


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Say what can be had, and what is in it."""
    return _page()


@bp.route("/workspace.json")
@member_only
@often_enough
def workspace() -> ResponseReturnValue:
    """Give everything there is."""
    write = partial(exports.workspace_json, store=wiring().object_store)
    return _download(write, "workspace.json", "application/json")


@bp.route("/monitors.csv")
@member_only
@often_enough
def monitors() -> ResponseReturnValue:
    """Give one line for each monitor."""
    return _download(exports.monitors_csv, "monitors.csv", "text/csv")


def _page(*, busy: bool = False) -> str:
    return render_template("exports/index.html", may_edit=may_edit(), busy=busy)


def _download(write: Write, what: str, mimetype: str) -> ResponseReturnValue:
    if not may_edit():
        return _page(), 403
    if not _places.acquire(blocking=False):
        return _page(busy=True), 503, {"Retry-After": str(RETRY_AFTER)}
    logger.info("exported", extra={"workspace_id": g.workspace.id, "account_id": g.account.id})
    response = Response(stream_with_context(_pieces(write)), mimetype=mimetype)
    response.call_on_close(_places.release)  # for HEAD too, which never begins to read
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{exports.file_name(what, g.now)}"'
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _pieces(write: Write) -> Iterator[bytes]:
    """Yield the file. The transaction of a part has ended before anybody may be slow to read it.

    The session of the request has ended too by the time this runs: `transaction` has its own.
    """
    base = wiring().settings.ping_base_url
    with transaction() as session:
        for part in write(session, g.workspace, base, g.now):
            release()
            whole = part.encode()
            for start in range(0, len(whole), PIECE):
                yield whole[start : start + PIECE]
