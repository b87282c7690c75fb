"""Pages for what goes wrong: what happened, what was kept, what to do."""

import logging
from datetime import timedelta

from flask import Flask, g, render_template
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from earlywatch.db import db
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.web.guards import greet
from earlywatch.web.limits import limiter

RETRY_AFTER = 10  # seconds
PAGES = {400, 403, 404, 405, 413}

logger = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer every error with a page."""
    for gone in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(gone, _database_gone)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(EarlywatchError, _refused)
    app.register_error_handler(CSRFError, _unproven_form)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(500, _broken)


def _database_gone(error: Exception) -> ResponseReturnValue:
    logger.error("database does not answer", extra={"error": type(error).__name__})
    _forget_visitor()
    return render_template("errors/503.html"), 503, {"Retry-After": str(RETRY_AFTER)}


def _broken(_error: Exception) -> ResponseReturnValue:
    _forget_visitor()
    return render_template("errors/500.html"), 500


def _not_found(error: NotFound) -> ResponseReturnValue:
    _greet_if_possible()
    return render_template("errors/404.html", sentence=str(error)), 404


def _refused(error: EarlywatchError) -> ResponseReturnValue:
    _greet_if_possible()
    return render_template("errors/400.html", sentence=str(error)), 400


def _unproven_form(_error: CSRFError) -> ResponseReturnValue:
    _greet_if_possible()
    return render_template("errors/csrf.html"), 400


def _too_many(_error: RateLimitExceeded) -> ResponseReturnValue:
    limit = limiter.current_limit
    wait = max(1, limit.reset_at - int(g.now.timestamp())) if limit else 60  # seconds
    _greet_if_possible()
    page = render_template("errors/429.html", wait=timedelta(seconds=wait))
    return page, 429, {"Retry-After": str(wait)}


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code not in PAGES:
        return error
    _greet_if_possible()
    page = render_template(f"errors/{error.code}.html")
    headers = [pair for pair in error.get_headers() if pair[0] != "Content-Type"]
    return page, error.code, headers


def _greet_if_possible() -> None:
    if "account" in g:
        return
    try:
        greet()
    except SQLAlchemyError:
        _forget_visitor()


def _forget_visitor() -> None:
    # Rolled-back rows would be read again by the page, from the database that just failed.
    db.session.remove()
    g.account = g.member = g.workspace = None
