"""Phone calls through Twilio."""

from earlywatch.clients.http import Http
from earlywatch.clients.said import Said
from earlywatch.clients.twilio import Twilio

RING_SECONDS = 30  # less than most mailboxes take to answer
DIGIT_PATH = "/webhooks/twilio/digit"
DRILL_PATH = "/webhooks/twilio/drill"

# Twilio's codes for numbers that no call will ever reach.
# https://www.twilio.com/docs/api/errors
GONE = {
    13224,  # not a phone number
    21211,  # not a phone number
    21214,  # cannot be reached
    21217,  # does not appear to be valid
}


class Voice:
    """Calls from `sender`, a phone number.

    `callbacks` is where Twilio reaches our site, to report how a call ended and what was pressed.
    """

    def __init__(
        self,
        http: Http,
        sid: str,
        token: str,
        sender: str,
        api_base: str,
        callbacks: str | None = None,
    ) -> None:
        self._twilio = Twilio(http, sid, token, api_base, callbacks)
        self._sender = sender

    def call(self, to: str, twiml: str, key: str) -> Said:
        """Begin a call that says `twiml`; return Twilio's answer. Raises TwilioError.

        `key` is the same at every attempt, so that a receiver can drop a repeat.
        """
        form = {"To": to, "From": self._sender, "Twiml": twiml, "Timeout": str(RING_SECONDS)}
        return self._twilio.create("Calls", form, key, GONE)

    def digit_url(self, act_token: str) -> str | None:
        """Return where Twilio tells which digit was pressed, None if it cannot reach us."""
        return self._url(DIGIT_PATH, act_token)

    def drill_url(self, drill_token: str) -> str | None:
        """Return the same of a call for a drill."""
        return self._url(DRILL_PATH, drill_token)

    def _url(self, path: str, token: str) -> str | None:
        if self._twilio.callbacks is None:
            return None
        return f"{self._twilio.callbacks}{path}/{token}"
