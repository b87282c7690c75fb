"""What call-backs share whose answers nobody reads but a machine."""

import logging

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from earlywatch.db import transaction
from earlywatch.services import events

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

logger = logging.getLogger(__name__)


def refuse(provider: str, reason: str) -> ResponseReturnValue:
    """Count a call that is turned away, and say why. `reason` is one of a few."""
    logger.warning("call-back refused", extra={"provider": provider, "reason": reason})
    with transaction() as session:
        events.refuse(session, provider, reason, g.now)
    return f"Refused: {reason}.", 400, PLAIN


def answer_in_one_line(bp: Blueprint) -> None:
    """Answer errors without a page."""

    @bp.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        return f"{error.description}", error.code or 500, PLAIN
