"""What Stripe tells us. An event says "look"; only what to look at is kept."""

import logging

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from earlywatch.clients.stripe_events import (
    Malformed,
    NotGenuine,
    OutOfTime,
    check_signature,
    read_event,
)
from earlywatch.db import transaction
from earlywatch.services import events
from earlywatch.services.wiring import wiring
from earlywatch.webhooks.guard import signed_call

PROVIDER = "stripe"
REASONS = {NotGenuine: "wrong signature", OutOfTime: "old signature", Malformed: "not an event"}
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

logger = logging.getLogger(__name__)

bp = Blueprint("stripe_webhook", __name__, url_prefix="/webhooks")


@bp.post("/stripe")
@signed_call
def receive() -> ResponseReturnValue:
    """Record an event. No bell is rung: it could hang, and beat rings every second anyway."""
    secret = _secret()
    payload = request.get_data(cache=False)  # the signature is over the very bytes
    try:
        check_signature(payload, request.headers.get("Stripe-Signature", ""), secret, g.now)
        seen = read_event(payload)
    except (NotGenuine, OutOfTime, Malformed) as error:
        _count(REASONS[type(error)])
        return str(error), 400, PLAIN
    with transaction() as session:
        new = events.record(
            session, PROVIDER, seen.id, seen.kind, seen.object_id, seen.customer_id, g.now
        )
    return "Recorded." if new else "Recorded before.", 200, PLAIN


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Count what is larger than any event."""
    _count("too large")
    return "An event is smaller than 256 kB.", 413, PLAIN


@bp.errorhandler(HTTPException)
def refused(error: HTTPException) -> ResponseReturnValue:
    """Answer a machine in one line."""
    return f"{error.description}", error.code or 500, PLAIN


def _secret() -> str:
    wired = wiring()
    if wired.stripe is None:
        abort(404)
    if not wired.settings.stripe_webhook_secret:
        logger.error("stripe calls, but STRIPE_WEBHOOK_SECRET is not set")
        abort(503, "STRIPE_WEBHOOK_SECRET is not set. Try again later.")
    return wired.settings.stripe_webhook_secret


def _count(reason: str) -> None:
    logger.warning("call-back refused", extra={"provider": PROVIDER, "reason": reason})
    with transaction() as session:
        events.refuse(session, PROVIDER, reason, g.now)
