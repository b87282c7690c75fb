"""Buttons pressed in Slack. https://docs.slack.dev/interactivity/handling-user-interaction"""

import hashlib
import hmac
import json
import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from flask import Blueprint, Response, abort, g, request
from flask.typing import ResponseReturnValue

from earlywatch.channels import slack
from earlywatch.channels.registry import Doors
from earlywatch.channels.text import defused, slack_escaped
from earlywatch.clients.http import Unreachable
from earlywatch.services.wiring import wiring
from earlywatch.webhooks.calls import answer_in_one_line, refuse
from earlywatch.webhooks.guard import signed_call
from earlywatch.webhooks.presses import Button, Pressed, press

PROVIDER = "slack"
HOME = f"https://{slack.HOST}"
TOLERANCE = timedelta(minutes=5)
BUTTONS = {slack.ACKNOWLEDGE: Button.ACKNOWLEDGE, slack.SNOOZE: Button.SNOOZE}

logger = logging.getLogger(__name__)

bp = Blueprint("slack_webhook", __name__, url_prefix="/webhooks")
answer_in_one_line(bp)


@bp.post("/slack")
@signed_call
def receive() -> ResponseReturnValue:
    """Do what the button says. Slack waits for 3 seconds, so that words follow after the answer."""
    secret = wiring().settings.slack_signing_secret
    if secret is None:
        abort(404)
    body = request.get_data(cache=False)  # the signature is over the very bytes
    if reason := _flaw(body, secret, g.now):
        return refuse(PROVIDER, reason)
    answer = Response(status=200)
    match _event(body):
        case {
            "type": "block_actions",
            "user": dict(user),
            "actions": [{"action_id": str(name), "value": str(token)}, *_],
            **rest,
        } if name in BUTTONS:
            pressed = press(BUTTONS[name], token, "Slack", _name_of(user), g.now)
            doors, url = wiring().doors, str(rest.get("response_url", ""))
            answer.call_on_close(lambda: _tell(doors, url, pressed))
        case None:
            return refuse(PROVIDER, "not an event")
    return answer


def _flaw(body: bytes, secret: str, now: datetime) -> str | None:
    """Return why a call is not to be believed, if it is not.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    stamp = request.headers.get("X-Slack-Request-Timestamp", "")
    made = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    given = request.headers.get("X-Slack-Signature", "")
    if not hmac.compare_digest(given.encode(), f"v0={made}".encode()):
        return "wrong signature"
    if not (stamp.isascii() and stamp.isdigit()):
        return "wrong signature"
    age = abs(now.timestamp() - int(stamp))
    return "old signature" if age > TOLERANCE.total_seconds() else None


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(parse_qs(body.decode())["payload"][0])
    except (ValueError, LookupError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _name_of(user: dict[str, Any]) -> str:
    return str(user.get("username") or user.get("name") or "")


def _tell(doors: Doors, url: str, pressed: Pressed) -> None:
    """Say in the channel what came of a press, or to one person alone why nothing did."""
    if not url.startswith(f"{doors.base(PROVIDER, HOME)}/"):
        return
    message = {
        "response_type": "in_channel" if pressed.done else "ephemeral",
        "replace_original": False,
        "text": slack_escaped(defused(pressed.words)),
    }
    try:
        doors.http.post(url, json=message)
    except Unreachable:
        logger.warning("slack was not told what became of a button")
