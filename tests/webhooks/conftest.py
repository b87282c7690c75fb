"""The shared site, as it is where plans are sold."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from earlywatch.app import make_stripe
from earlywatch.services.wiring import EXTENSION, Wiring
from tests.client import Browser
from tests.events import SECRET
from tests.webhooks.twilio_calls import TOKEN


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a Stripe that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def shop(app: Flask, client: Browser, hanging: str, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Whoever calls a site with Stripe keys, whose Stripe hangs: nobody may need it."""
    wired = app.extensions[EXTENSION]
    keys = {
        "stripe_secret_key": "sk_test_earlywatch",
        "stripe_webhook_secret": SECRET,
        "stripe_api_base": hanging,
    }
    settings = wired.settings.model_copy(update=keys)
    sold = replace(wired, settings=settings, stripe=make_stripe(settings))
    monkeypatch.setitem(app.extensions, EXTENSION, sold)
    return client


@pytest.fixture
def wired(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """An installation that Twilio knows."""
    wired: Wiring = app.extensions[EXTENSION]
    changed = replace(
        wired, settings=wired.settings.model_copy(update={"twilio_auth_token": TOKEN})
    )
    monkeypatch.setitem(app.extensions, EXTENSION, changed)
    return changed
