"""Installations with the outside world on loopback, and a browser."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import chromium
from tests.e2e.sinks import Inbox, http_receiver, mail_server
from tests.e2e.stack import Stack, running
from tests.e2e.store import Store, open_store
from tests.serving import database_with_tables


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a module; each opens a tab with cookies of its own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def store_database(worker: str) -> Iterator[str]:
    """The database of the shops of a module, one after the other."""
    with database_with_tables(f"{worker}_store") as url:
        yield url


@pytest.fixture
def store(store_database: str, tmp_path: Path) -> Iterator[Store]:
    """The site as a shop, with a Stripe and a clock."""
    with open_store(store_database, tmp_path) as store:
        yield store
