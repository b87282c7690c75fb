"""Channels to systems that call people, from the form to the first message."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.clients.voice import Voice
from earlywatch.clock import utcnow
from earlywatch.models import Channel, Delivery
from earlywatch.services.wiring import EXTENSION
from earlywatch.setting_values import PROVIDERS
from tests.channels import (
    test_incident_io,
    test_opsgenie,
    test_pagerduty,
    test_pushover,
    test_voice,
)
from tests.client import Browser
from tests.clients.servers import Receiver, http_server
from tests.services.sending import attempt_all
from tests.web.team import Team

CONFIGS: dict[str, dict[str, Any]] = {
    "pagerduty": test_pagerduty.CONFIG,
    "opsgenie": test_opsgenie.CONFIG,
    "incident_io": test_incident_io.CONFIG,
    "pushover": test_pushover.CONFIG,
    "voice": test_voice.CONFIG,
}
ACCEPTED = {"status": 1, "sid": "CA1"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """All providers in one."""
    with http_server() as server:
        server.status, server.text = 200, json.dumps(ACCEPTED)
        yield server


@pytest.fixture
def doors(app: Flask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Doors:
    """The doors of this installation, all of which lead to one receiver."""
    wired = app.extensions[EXTENSION]
    voice = Voice(wired.doors.http, "AC1", "token", "+15005550006", receiver.url)
    bases = dict.fromkeys(PROVIDERS, receiver.url)
    doors: Doors = replace(wired.doors, bases=bases, pushover_token="a" * 30, voice=voice)
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, doors=doors))
    return doors


@pytest.mark.parametrize("name", CONFIGS)
def test_a_channel_is_added_and_asks_for_its_confirmation(
    name: str,
    app: Flask,
    client: Browser,
    session: Session,
    team: Team,
    doors: Doors,
    receiver: Receiver,
) -> None:
    client.sign_in(team.owner)
    typed = {**CONFIGS[name], "recoveries": ""} if name == "voice" else dict(CONFIGS[name])
    typed |= {"url": f"{receiver.url}/source"} if "url" in typed else {}

    client.submit(f"/channels/new/{name}", {**typed, "name": "On call"})

    channel = session.scalars(select(Channel).where(Channel.name == "On call")).one()
    wired = app.extensions[EXTENSION]
    [sent] = attempt_all(session, wired.links, doors, utcnow())
    assert sent.sent, sent.answer
    assert channel.verified_at is None
    assert session.scalars(select(Delivery.state)).one() == "sent"
    assert receiver.requests
    secrets = [value for key, value in typed.items() if key.endswith(("key", "token"))]
    page = (
        client.get(f"/channels/{channel.id}").text + client.get(f"/channels/{channel.id}/edit").text
    )
    assert not [secret for secret in secrets if secret in page]
