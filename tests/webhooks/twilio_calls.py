"""What Twilio calls with, signed as its page "Webhooks security" documents it."""

from werkzeug.test import TestResponse

from earlywatch.clients.twilio import signature
from tests.client import Browser

TOKEN = "12345"


def call(browser: Browser, path: str, token: str = TOKEN, **form: str) -> TestResponse:
    """Call as Twilio does, signed with `token`."""
    made = signature(token, f"http://localhost{path}", form.items())
    return browser.post(path, data=form, headers={"X-Twilio-Signature": made})
