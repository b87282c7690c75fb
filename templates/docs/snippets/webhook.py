import base64
import hashlib
import hmac
import time

SECRET = "whsec_…"


def is_from_earlywatch(headers, body):
    """Tell whether this came from Earlywatch, and not long ago. `body` is bytes."""
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > 300:
        return False
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    given = headers.get("webhook-signature", "")
    return hmac.compare_digest(b"v1," + digest, given.encode())
