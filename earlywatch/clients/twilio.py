"""Twilio's REST interface, or one that speaks like it: what text messages and calls share."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from earlywatch.clients.http import Answer, Http, Unreachable
from earlywatch.clients.reading import fields
from earlywatch.clients.said import Said
from earlywatch.domain.alert_words import one_line
from earlywatch.errors import EarlywatchError

LONGEST_ANSWER = 300  # characters shown to people
LONGEST_MESSAGE = 200  # of what Twilio says in words
STATUS_PATH = "/webhooks/twilio/status"


class TwilioError(EarlywatchError):
    """A message or a call was not accepted.

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


class Twilio:
    """An account. `callbacks` is where Twilio reaches our site, None if it cannot."""

    def __init__(
        self, http: Http, sid: str, token: str, api_base: str, callbacks: str | None = None
    ) -> None:
        self._http = http
        self._auth = (sid, token)
        self._base = f"{api_base.rstrip('/')}/2010-04-01/Accounts/{sid}"
        self.callbacks = callbacks

    def create(self, resource: str, form: dict[str, str], key: str, gone: set[int]) -> Said:
        """Post `form`; return Twilio's answer for people to read. Raises TwilioError.

        `key` is the same at every attempt, so that a receiver can drop a repeat. `gone` are the
        codes of numbers that will never be reached.
        """
        try:
            answer = self._http.post(
                f"{self._base}/{resource}.json",
                data={**form, **self._reports(key)},
                headers={"Idempotency-Key": key},
                auth=self._auth,
                trusted=True,
            )
        except Unreachable as error:
            raise TwilioError(str(error), timed_out=error.timed_out) from error
        said = fields(answer)
        if answer.status not in {200, 201}:
            raise _refusal(answer, said, gone)
        sid = str(said.get("sid", ""))
        words = f"{answer.status} {said.get('status', 'accepted')} {sid}"
        return Said(one_line(words, LONGEST_ANSWER), sid)

    def _reports(self, key: str) -> dict[str, str]:
        # The key too, since a report may come before we have written down the SID.
        if self.callbacks is None:
            return {}
        return {"StatusCallback": f"{self.callbacks}{STATUS_PATH}?delivery={key}"}


def signature(token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """Return what Twilio signs a call with: of `url`, as it calls it, and the fields of its form.

    https://www.twilio.com/docs/usage/webhooks/webhooks-security
    """
    said = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.digest(token.encode(), said.encode(), hashlib.sha1)).decode()


def is_signed(token: str, url: str, form: Iterable[tuple[str, str]], given: str) -> bool:
    """Tell whether `given` is the signature of a call. Takes the same time for any."""
    return hmac.compare_digest(signature(token, url, form).encode(), given.encode())


def _refusal(answer: Answer, said: dict[str, Any], gone: set[int]) -> TwilioError:
    if answer.status in {401, 403}:
        return TwilioError(f"Twilio did not accept our account ({answer.status}).")
    code, message = said.get("code"), one_line(str(said.get("message", "")), LONGEST_MESSAGE)
    words = f"Twilio answered {answer.status}"
    if isinstance(code, int):
        words += f", error {code}"
    if message:
        words += f": {message.rstrip('.')}"
    permanent = answer.status == 400 and isinstance(code, int) and code in gone
    return TwilioError(
        one_line(f"{words}.", LONGEST_ANSWER), permanent=permanent, retry_after=answer.retry_after
    )
