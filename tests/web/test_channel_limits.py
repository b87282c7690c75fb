"""How often anybody can have us write to somebody, or look up a host."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from earlywatch.clock import utcnow
from earlywatch.db import db
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery
from tests.builders import make_channel, make_delivery
from tests.client import Browser
from tests.web.team import Team

NEW = "/channels/new/email"
SLACK = {"webhook_url": "https://hooks.slack.test/services/T0/B0/X0", "name": ""}


def add(client: Browser, address: str = "a@example.org") -> TestResponse:
    return client.submit(NEW, {"address": address, "name": ""})


def add_many(client: Browser) -> list[int]:
    return [add(client, f"a{number}@example.org").status_code for number in range(20)]


def asked_five_times(session: Session, channel: Channel) -> None:
    for hours in range(1, 6):
        make_delivery(
            session, channel, alert=AlertKind.CONFIRM, now=utcnow() - timedelta(hours=hours)
        )


def test_nobody_floods_strangers_with_confirmations(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)

    assert add_many(client) == [303] * 20
    assert add(client).status_code == 429


def test_ending_all_sessions_starts_no_new_count(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    add_many(client)

    team.owner.session_epoch += 1
    session.flush()
    client.sign_in(team.owner)

    assert add(client).status_code == 429


def test_each_person_has_a_count_of_their_own(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)
    add_many(client)

    client.sign_in(team.mate)

    assert add(client).status_code == 303


def test_targets_that_were_refused_count_too(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)

    refused = [add(client, "nobody").status_code for _ in range(20)]

    assert refused == [200] * 20
    assert add(client).status_code == 429


def test_asking_again_counts_like_a_new_target(
    client: Browser, session: Session, team: Team
) -> None:
    waiting = [make_channel(session, team.workspace, verified=False).id for _ in range(21)]
    client.sign_in(team.owner)
    page = client.get(NEW)

    answers = [
        client.send(page, None, f"/channels/{number}/confirm-again").status_code
        for number in waiting
    ]

    assert answers == [303] * 20 + [429]
    assert len(session.scalars(select(Delivery)).all()) == 20


def test_asking_one_recipient_too_often_is_refused_with_a_sentence(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, verified=False)
    asked_five_times(session, channel)
    here = f"/channels/{channel.id}"
    client.sign_in(team.owner)

    answer = client.send(client.get(here), None, f"{here}/confirm-again")

    assert "asked to confirm 5 times within a day" in client.follow(answer).text
    assert len(session.scalars(select(Delivery)).all()) == 5


def test_a_target_changed_too_often_is_refused_in_its_form(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace)
    asked_five_times(session, channel)
    client.sign_in(team.owner)

    page = client.submit(f"/channels/{channel.id}/edit", {"address": "b@example.org", "name": ""})

    assert page.status_code == 200
    assert "asked to confirm 5 times within a day" in page.text
    assert 'value="b@example.org"' in page.text
    session.refresh(channel)
    assert channel.config == {"address": "ops@example.org"}


@pytest.mark.parametrize("action", ["new/slack", "{}/edit"])
def test_no_connection_waits_while_a_host_is_looked_up(
    client: Browser, session: Session, team: Team, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    channel = make_channel(session, team.workspace, "slack")
    sessions: dict[int, Session] = db.session.registry.registry  # of every context
    held: list[bool] = []

    def look_up(*_: Any, **__: Any) -> list[Any]:
        held.append(any(each.in_transaction() for each in sessions.values()))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client.sign_in(team.owner)

    answer = client.submit(f"/channels/{action.format(channel.id)}", SLACK)

    assert answer.status_code == 303
    assert held
    assert not any(held)
