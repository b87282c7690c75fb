"""What Slack sends when a button is pressed, signed as Slack signs."""

import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from tests.client import Browser

URL = "/webhooks/slack"
SECRET = "8f742231" + "b10e8888" * 3


def signature(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """Sign as https://docs.slack.dev/authentication/verifying-requests-from-slack says."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest.hexdigest()}"}


def pressed(action: str, token: str, url: str, name: str = "anna") -> bytes:
    """A press, as https://docs.slack.dev/reference/interaction-payloads/block_actions-payload."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": name, "name": name, "team_id": "T1"},
        "api_app_id": "A1",
        "channel": {"id": "C1", "name": "ops"},
        "response_url": url,
        "actions": [
            {"type": "button", "block_id": "act", "action_id": action, "value": token},
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def call(browser: Browser, body: bytes, headers: dict[str, str]) -> TestResponse:
    return browser.post(
        URL, data=body, headers=headers, content_type="application/x-www-form-urlencoded"
    )
