"""Text messages through Twilio's REST interface, or one that speaks like it."""

import json
from datetime import timedelta
from typing import Any

from earlywatch.clients.http import Answer, Http, Unreachable
from earlywatch.domain.alert_words import one_line
from earlywatch.errors import EarlywatchError

LONGEST_BODY = 320  # characters: two messages' worth
LONGEST_ANSWER = 300  # characters shown to people
LONGEST_MESSAGE = 200  # of what Twilio says in words

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


class SmsError(EarlywatchError):
    """A message was not accepted.

    `permanent`: this number will never take one. `retry_after`: the other side's wish.
    `timed_out`: the other side hung.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        retry_after: timedelta | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.retry_after = retry_after
        self.timed_out = timed_out


class Sms:
    """Sends from `sender`: a phone number, or the id of a messaging service (MG…)."""

    def __init__(self, http: Http, sid: str, token: str, sender: str, api_base: str) -> None:
        self._http = http
        self._auth = (sid, token)
        self._url = f"{api_base.rstrip('/')}/2010-04-01/Accounts/{sid}/Messages.json"
        self._from = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}

    def send(self, to: str, body: str, key: str) -> str:
        """Send and return Twilio's answer for people to read. Raises SmsError.

        `key` is the same at every attempt, so that a receiver can drop a repeat.
        """
        form = {"To": to, **self._from, "Body": body[:LONGEST_BODY]}
        try:
            answer = self._http.post(
                self._url,
                data=form,
                headers={"Idempotency-Key": key},
                auth=self._auth,
                trusted=True,
            )
        except Unreachable as error:
            raise SmsError(str(error), timed_out=error.timed_out) from error
        said = _fields(answer)
        if answer.status in {200, 201}:
            words = f"{answer.status} {said.get('status', 'accepted')} {said.get('sid', '')}"
            return one_line(words, LONGEST_ANSWER)
        raise _refusal(answer, said)


def _refusal(answer: Answer, said: dict[str, Any]) -> SmsError:
    if answer.status in {401, 403}:
        return SmsError(f"Twilio did not accept our account ({answer.status}).")
    code, message = said.get("code"), one_line(str(said.get("message", "")), LONGEST_MESSAGE)
    words = f"Twilio answered {answer.status}"
    if isinstance(code, int):
        words += f", error {code}"
    if message:
        words += f": {message.rstrip('.')}"
    permanent = answer.status == 400 and isinstance(code, int) and code in GONE
    return SmsError(
        one_line(f"{words}.", LONGEST_ANSWER), permanent=permanent, retry_after=answer.retry_after
    )


def _fields(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError):  # brackets without end
        return {}
    return said if isinstance(said, dict) else {}
