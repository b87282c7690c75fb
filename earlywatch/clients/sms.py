"""Text messages through Twilio."""

from earlywatch.clients.http import Http
from earlywatch.clients.said import Said
from earlywatch.clients.twilio import Twilio

LONGEST_BODY = 320  # characters: two messages' worth

# Twilio's codes for numbers that no message will ever reach.
# https://www.twilio.com/docs/api/errors
GONE = {
    21211,  # not a phone number
    21214,  # cannot be reached
    21217,  # does not appear to be valid
    21265,  # a short code
    21610,  # the recipient answered STOP
    21614,  # not a mobile number
    21635,  # a landline
}


class Sms:
    """Sends from `sender`: a phone number, or the id of a messaging service (MG…).

    `callbacks` is where Twilio reaches our site, to report what became of a message.
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
        self._from = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}

    def send(self, to: str, body: str, key: str) -> Said:
        """Send and return Twilio's answer for people to read. Raises TwilioError.

        `key` is the same at every attempt, so that a receiver can drop a repeat.
        """
        form = {"To": to, **self._from, "Body": body[:LONGEST_BODY]}
        return self._twilio.create("Messages", form, key, GONE)
