"""Telegram's Bot API, or a server that speaks like it. https://core.telegram.org/bots/api"""

from datetime import timedelta
from typing import Any

from earlywatch.clients.http import LONGEST_WISH, Answer, Http, Unreachable
from earlywatch.clients.reading import fields
from earlywatch.domain.alert_words import one_line
from earlywatch.errors import EarlywatchError

USUAL_BASE = "https://api.telegram.org"
LONGEST_ANSWER = 200  # characters shown to people
LONGEST_NOTE = 200  # characters of what whoever pressed a button is shown
# Telegram's words for a chat or a topic in it that will never take a message, beside status 403.
GONE = (
    "chat not found",
    "message thread not found",
    "user not found",
    "group chat was deleted",
    "group chat was upgraded to a supergroup",
    "peer_id_invalid",
)


class TelegramError(EarlywatchError):
    """A call was not accepted.

    `permanent`: this chat will never take one. `moved_to`: the chat's new id. `retry_after`:
    the other side's wish. `timed_out`: the other side hung.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        moved_to: int | None = None,
        retry_after: timedelta | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.moved_to = moved_to
        self.retry_after = retry_after
        self.timed_out = timed_out


class Telegram:
    """A bot, by its token, which is part of every address and in no error."""

    def __init__(self, http: Http, token: str, base: str) -> None:
        self._http = http
        self._url = f"{base}/bot{token}"

    def call(self, method: str, **values: Any) -> Any:
        """Call a method and return its result. Raises TelegramError."""
        try:
            answer = self._http.post(f"{self._url}/{method}", json=values, trusted=True)
        except Unreachable as error:
            raise TelegramError(str(error), timed_out=error.timed_out) from error
        said = fields(answer)
        if answer.status == 200 and said.get("ok") is True:
            return said.get("result")
        raise _refusal(answer, said)


def _refusal(answer: Answer, said: dict[str, Any]) -> TelegramError:
    if answer.status in {401, 404}:
        return TelegramError(f"Telegram did not accept our bot's token ({answer.status}).")
    words = one_line(str(said.get("description", "")), LONGEST_ANSWER)
    extra = said.get("parameters")
    parameters = extra if isinstance(extra, dict) else {}
    moved_to = parameters.get("migrate_to_chat_id")
    if not isinstance(moved_to, int):
        moved_to = None
    sentence = f"Telegram answered {answer.status} {words}".rstrip(". ")
    if moved_to is not None:
        sentence += f". The group became a supergroup: its chat id is {moved_to} now"
    gone = answer.status == 403 or any(each in words.lower() for each in GONE)
    return TelegramError(
        f"{sentence}.",
        permanent=gone or moved_to is not None,
        moved_to=moved_to,
        retry_after=_wish(parameters) or answer.retry_after,
    )


def _wish(parameters: dict[str, Any]) -> timedelta | None:
    seconds = parameters.get("retry_after")
    if not isinstance(seconds, int) or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WISH.total_seconds()))
