"""Buttons pressed in Slack: proven, done once, and told where they were pressed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from earlywatch.clock import utcnow
from earlywatch.services.wiring import EXTENSION
from tests.client import Browser
from tests.clients.servers import Receiver, http_server
from tests.webhooks.buttons import Case, make_case
from tests.webhooks.slack_calls import SECRET, URL, call, pressed, signature


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What stands in for hooks.slack.com."""
    with http_server() as server:
        yield server


@pytest.fixture
def site(
    app: Flask, client: Browser, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Browser:
    """Whoever calls a site with a Slack app."""
    wired = app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"slack_signing_secret": SECRET})
    doors = replace(wired.doors, bases={"slack": receiver.url})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, settings=settings, doors=doors))
    return client


@pytest.fixture
def case(app: Flask, session: Session) -> Case:
    return make_case(app, session, "slack")


def press(site: Browser, receiver: Receiver, action: str, token: str, **who: str) -> TestResponse:
    body = pressed(action, token, f"{receiver.url}/actions/T1/1/abc", **who)
    return call(site, body, signature(body, utcnow()))


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.requests]


def test_the_button_acknowledges_and_the_channel_hears_who_did(
    site: Browser, receiver: Receiver, case: Case
) -> None:
    answer = press(site, receiver, "acknowledge", case.token)

    assert (answer.status_code, answer.text) == (200, "")
    assert case.acknowledged_by == "Slack: anna"
    assert receiver.requests[0].path == "/actions/T1/1/abc"
    assert told(receiver) == [
        {
            "response_type": "in_channel",
            "replace_original": False,
            "text": "anna acknowledged this: nightly backup",
        }
    ]


def test_slack_is_answered_before_it_is_told(
    app: Flask, site: Browser, receiver: Receiver, case: Case
) -> None:
    body = pressed("acknowledge", case.token, f"{receiver.url}/actions/T1/1/abc")
    request = EnvironBuilder(
        URL,
        method="POST",
        data=body,
        headers=Headers(signature(body, utcnow())),
        content_type="application/x-www-form-urlencoded",
    )

    answer, status, _headers = run_wsgi_app(app, request.get_environ())

    assert status.startswith("200 ")
    assert list(answer) == []
    assert receiver.requests == []
    answer.close()  # type: ignore[attr-defined]  # as servers do when all was sent
    assert len(receiver.requests) == 1


def test_the_button_snoozes_for_an_hour(site: Browser, receiver: Receiver, case: Case) -> None:
    before = utcnow()

    press(site, receiver, "snooze_1h", case.token)

    until, by = case.snoozed
    assert until is not None
    assert timedelta(0) <= until - before - timedelta(hours=1) < timedelta(seconds=20)
    assert by == "Slack: anna"
    assert told(receiver)[0]["text"] == "anna snoozed this for an hour: nightly backup"


def test_a_button_pressed_twice_keeps_the_first_name(
    site: Browser, receiver: Receiver, case: Case
) -> None:
    press(site, receiver, "acknowledge", case.token)
    answer = press(site, receiver, "acknowledge", case.token, name="bob")

    assert answer.status_code == 200
    assert case.acknowledged_by == "Slack: anna"
    assert told(receiver)[1] == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "Acknowledged before, by Slack: anna.",
    }


def test_what_is_over_cannot_be_acknowledged(site: Browser, receiver: Receiver, case: Case) -> None:
    case.incident.resolved_at = case.incident.opened_at

    press(site, receiver, "acknowledge", case.token)

    assert case.acknowledged_by is None
    assert told(receiver)[0]["response_type"] == "ephemeral"
    assert "is over" in told(receiver)[0]["text"]


@pytest.mark.parametrize("token", ["", "1.2.abc", "x", "1.2." + "a" * 16, "é" * 400])
def test_an_unknown_token_does_nothing(
    token: str, site: Browser, receiver: Receiver, case: Case
) -> None:
    answer = press(site, receiver, "acknowledge", token)

    assert answer.status_code == 200
    assert case.acknowledged_by is None
    assert "is not one of ours" in told(receiver)[0]["text"]


def test_a_button_of_a_channel_that_leads_elsewhere_now_does_nothing(
    site: Browser, receiver: Receiver, case: Case
) -> None:
    case.channel.config = {"webhook_url": "https://hooks.slack.com/services/T000/B000/YYYY"}

    press(site, receiver, "acknowledge", case.token)

    assert case.acknowledged_by is None
    assert "was changed" in told(receiver)[0]["text"]


def test_pressing_a_button_proves_the_channel(
    site: Browser, receiver: Receiver, case: Case
) -> None:
    press(site, receiver, "acknowledge", case.token)

    case.session.refresh(case.channel)
    assert case.channel.proven_at is not None


def test_a_changed_token_does_nothing(site: Browser, receiver: Receiver, case: Case) -> None:
    press(site, receiver, "acknowledge", f"1{case.token}")

    assert case.acknowledged_by is None


def test_nobodys_name_pings_the_channel(
    app: Flask, session: Session, site: Browser, receiver: Receiver
) -> None:
    case = make_case(app, session, "slack", "<!channel> & <@U1>")

    press(site, receiver, "acknowledge", case.token, name="@here\n<!everyone>" * 50)

    [message] = told(receiver)
    assert "<" not in message["text"]
    assert "\n" not in message["text"]
    assert "@here" not in message["text"]
    assert len(message["text"]) < 400


def test_a_call_that_slack_did_not_sign_is_refused(
    site: Browser, receiver: Receiver, case: Case
) -> None:
    body, now = pressed("acknowledge", case.token, receiver.url), utcnow()
    good = signature(body, now)
    attempts = [
        (body, {}),
        (body, signature(body, now, "another secret")),
        (body + b" ", good),
        (body, {**good, "X-Slack-Request-Timestamp": "1"}),
        (body, {**good, "X-Slack-Signature": ""}),
        (body, {**good, "X-Slack-Signature": "v0=ü"}),
    ]

    answers = [call(site, *attempt) for attempt in attempts]

    assert {answer.status_code for answer in answers} == {400}
    assert case.acknowledged_by is None
    assert case.refused == [("slack", "wrong signature", len(attempts))]
    assert receiver.requests == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_call_of_another_time_is_refused(
    minutes: int, site: Browser, receiver: Receiver, case: Case
) -> None:
    body = pressed("acknowledge", case.token, receiver.url)

    answer = call(site, body, signature(body, utcnow() + timedelta(minutes=minutes)))

    assert answer.status_code == 400
    assert case.acknowledged_by is None
    assert case.refused == [("slack", "old signature", 1)]


@pytest.mark.parametrize(
    "body",
    [b"", b"payload=", b"payload=[]", b"payload=%7B", b"\xff\xfe", b"payload=" + b"%5B" * 20_000],
)
def test_what_is_no_event_is_refused(body: bytes, site: Browser, case: Case) -> None:
    answer = call(site, body, signature(body, utcnow()))

    assert answer.status_code == 400
    assert case.refused == [("slack", "not an event", 1)]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "view_submission"},
        {"type": "block_actions", "user": {}, "actions": []},
        {"type": "block_actions", "user": {}, "actions": [{"action_id": "other", "value": "1"}]},
        {"type": "block_actions", "user": 7, "actions": 7},
    ],
)
def test_what_is_not_for_us_is_taken_in_silence(
    event: dict[str, Any], site: Browser, receiver: Receiver
) -> None:
    body = urlencode({"payload": json.dumps(event)}).encode()

    answer = call(site, body, signature(body, utcnow()))

    assert (answer.status_code, answer.text) == (200, "")
    assert receiver.requests == []


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9/x", "{base}.evil.example/x", "{base}"])
def test_words_go_to_slack_alone(
    address: str, site: Browser, receiver: Receiver, case: Case
) -> None:
    body = pressed("acknowledge", case.token, address.format(base=receiver.url))

    assert call(site, body, signature(body, utcnow())).status_code == 200

    assert case.acknowledged_by == "Slack: anna"
    assert receiver.requests == []


def test_a_slack_that_cannot_be_told_changes_nothing(
    app: Flask, site: Browser, receiver: Receiver, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = app.extensions[EXTENSION]
    closed = "http://127.0.0.1:9"
    doors = replace(wired.doors, bases={"slack": closed})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, doors=doors))
    body = pressed("acknowledge", case.token, f"{closed}/actions")

    assert call(site, body, signature(body, utcnow())).status_code == 200
    assert case.acknowledged_by == "Slack: anna"


def test_without_a_slack_app_there_is_no_such_page(client: Browser) -> None:
    assert call(client, b"payload={}", {}).status_code == 404
