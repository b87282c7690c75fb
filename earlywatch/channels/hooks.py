"""What the webhooks of chat programs share: one secret address, which somebody pasted."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels import posts
from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel
from earlywatch.clients.http import Answer
from earlywatch.domain.alert import Alert
from earlywatch.domain.alert_words import one_line

NAME = "webhook_url"
FIELD = Field(NAME, "Webhook URL", "url")


def checked_url(typed: str, doors: Doors) -> str:
    """Return a pasted address. Raises InvalidChannel."""
    url = posts.checked_url(NAME, typed, doors)
    if len(urlsplit(url).path) < 2:
        raise InvalidChannel(NAME, "The address stops after the host. Paste all of it.")
    return url


def summary(config: dict[str, Any]) -> str:
    """Return host and last characters: enough to recognise the secret, too little to use it.

    The secret is what stands last, behind the path if there is more.
    """
    url = config[NAME]
    parts = urlsplit(url)
    return f"{parts.hostname}/…/…{(parts.query or parts.path).rstrip('/')[-4:]}"


def post(url: str, payload: dict[str, Any], alert: Alert, doors: Doors) -> Answer:
    """Post one message. Raises ChannelError if no answer came."""
    with posts.posting():
        return doors.http.post(url, json=payload, headers={"Idempotency-Key": alert.id})


def refusal(
    who: str, answer: Answer, *, permanent: bool, words: str = "", wish: timedelta | None = None
) -> ChannelError:
    """Return the error that an answer is; `words` say it better than the answer's text."""
    said = one_line(f"{answer.status} {words}", 200) if words else posts.line(answer)
    return ChannelError(
        f"{who} answered {said.rstrip('.')}.",
        permanent=permanent,
        retry_after=wish or answer.retry_after,
    )
