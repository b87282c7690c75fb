"""Signatures of webhooks as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"
SHORTEST, LONGEST, OURS = 24, 64, 32  # bytes


def make_secret() -> str:
    """Return a secret that nobody else has."""
    return PREFIX + base64.b64encode(secrets.token_bytes(OURS)).decode()


def is_secret(text: str) -> bool:
    """Tell whether `text` is a secret that we can sign with."""
    try:
        key = _key(text)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and SHORTEST <= len(key) <= LONGEST


def signed(secret: str, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers that say who sent `body` when (UTC)."""
    stamp = str(int(sent_at.timestamp()))
    content = b".".join((message_id.encode(), stamp.encode(), body))
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
