"""What kinds that post over HTTP share: errors in our classes, answers for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.clients.http import Answer, Unreachable
from earlywatch.domain.alert_words import one_line

LONGEST_URL = 2000


@contextmanager
def posting() -> Iterator[None]:
    """Tell that nobody answered as a ChannelError."""
    try:
        yield
    except Unreachable as error:
        raise ChannelError(
            str(error), permanent=error.permanent, timed_out=error.timed_out
        ) from error


def accepted(answer: Answer, who: str, *, gone: bool = False) -> str:
    """Return the answer if it says that the message was taken; ChannelError if not.

    `gone`: it says that this place will never take one again.
    """
    if 200 <= answer.status < 300:
        return line(answer)
    hint = " We follow no redirects: give the channel the address it leads to."
    raise ChannelError(
        f"{who} answered {line(answer)}.{hint if 300 <= answer.status < 400 else ''}",
        permanent=gone,
        retry_after=answer.retry_after,
    )


def line(answer: Answer) -> str:
    """Return status and text of an answer, fit to be read and kept."""
    return one_line(f"{answer.status} {answer.text}", 200)


def checked_url(field: str, typed: str, doors: Doors) -> str:
    """Return an address that may be posted to. Raises InvalidChannel."""
    url = typed.strip()
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise InvalidChannel(field, "Paste the whole address, nothing else.")
    try:
        doors.http.check_target(url)
    except Unreachable as error:
        raise InvalidChannel(field, str(error)) from error
    return url


def masked_url(url: str) -> str:
    """Return host and last characters: enough to recognise a secret, too little to use it."""
    parts = urlsplit(url)
    return f"{parts.hostname}/…/…{parts.path.rstrip('/')[-4:]}"
