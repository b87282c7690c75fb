"""An installation with the outside world on loopback, shared by the tests of a module."""

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.sinks import Inbox, http_receiver, mail_server
from tests.e2e.stack import Stack, running


@pytest.fixture(scope="module")
def inbox() -> Inbox:
    """What the outside world received."""
    return Inbox()


@pytest.fixture(scope="module")
def receiver(inbox: Inbox) -> Iterator[str]:
    """The base URL of a server that plays Slack and Twilio."""
    with http_receiver(inbox) as url:
        yield url


@pytest.fixture(scope="module")
def outside(inbox: Inbox, receiver: str) -> Iterator[Mapping[str, str]]:
    """The settings that lead every message to the inbox."""
    with mail_server(inbox) as smtp_url:
        yield {
            "SMTP_URL": smtp_url,
            "TWILIO_API_BASE": receiver,
            "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
            "TWILIO_AUTH_TOKEN": "token",
            "TWILIO_FROM": "+15005550006",
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, outside: Mapping[str, str]) -> Iterator[Stack]:
    """A running installation."""
    with running(tmp_path_factory.mktemp("stack"), outside) as stack:
        yield stack
