"""Whose machine an alert goes through, and whether a failure is that machine's."""

import re
import smtplib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels.registry import ChannelError
from earlywatch.channels.registry import kind as kind_named
from earlywatch.clients.http import Unreachable
from earlywatch.clients.mail import MailError
from earlywatch.clients.smtp import RecipientRefused

# What all channels say of an answer, such as "Slack answered 503 Service Unavailable."
SERVER_ERROR = re.compile(r"\banswered 5\d\d\b")
USUAL_PORTS = {"http": 80, "https": 443}


def provider_of(kind: str, config: dict[str, Any]) -> str:
    """Return whose machine takes messages to a target: its kind, and the server a user chose.

    The same text means the same machine. All mails go through our one relay. Nothing but an
    address is looked at: whatever else users type may look like somebody else's.
    """
    for field in kind_named(kind).fields:
        if field.type == "url" and (server := _server(config.get(field.name, ""))):
            return f"{kind}:{server}"
    return kind


def place_of(provider: str) -> str:
    """Return the host of a provider for people to read, empty of one that no user chose."""
    return provider.partition("://")[2].rpartition(":")[0]


def _server(url: str) -> str | None:
    """Return scheme, host and port, or None of what is no address."""
    try:
        parts = urlsplit(url)
        if not parts.hostname:
            return None
        port = parts.port or USUAL_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_ill(error: ChannelError) -> bool:
    """Whether a failure speaks of the provider, not of the one target."""
    if error.permanent:
        return False
    if error.timed_out or SERVER_ERROR.search(str(error)):
        return True
    causes = list(_causes(error))
    if any(isinstance(cause, MailError) for cause in causes):
        return not any(_of_one_mail(cause) for cause in causes)
    return any(isinstance(cause, Unreachable) for cause in causes)


def _of_one_mail(cause: BaseException) -> bool:
    """Whether the relay works and refused this address, or this mail for good."""
    if isinstance(cause, smtplib.SMTPDataError):
        return bool(cause.smtp_code >= 500)
    return isinstance(cause, RecipientRefused)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__
