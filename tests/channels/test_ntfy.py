"""Alerts through ntfy, published on a real HTTP server."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.ntfy import check, payload, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.clients.http import Http
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.channels.moments import ACT_URL, actionable, folded, over, reminder
from tests.clients.servers import Receiver

CONFIG = {"server": "https://1.1.1.1", "topic": "operations-9dK2", "token": "tk_" + "a" * 29}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    return {**CONFIG, "server": receiver.url}


def test_an_alert_is_published_as_json(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    # https://docs.ntfy.sh/publish/#publish-as-json: to the root, the topic in the body
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 ok"
    assert (request.method, request.path) == ("POST", "/")
    assert request.headers["Authorization"] == f"Bearer {CONFIG['token']}"
    assert json.loads(request.body) == {"topic": "operations-9dK2", **payload(opened())}


def test_a_topic_that_is_open_to_all_needs_no_token(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    send({**config, "token": ""}, opened(), doors)

    assert "Authorization" not in receiver.requests[0].headers


def test_the_message_has_the_documented_shape() -> None:
    assert payload(actionable(urgent=True)) == {
        "title": "nightly backup is late by 12 min",
        "message": (
            "No ping came by 02:10 Europe/Berlin (01:10 UTC).\n"
            "Expected: 02:00 Europe/Berlin (01:00 UTC)\n"
            "Late by: 12 min when this was sent\n"
            "Last ping: Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)\n"
            "Schedule: at 02:00, in Europe/Berlin"
        ),
        "priority": 5,
        "tags": ["hourglass"],
        "click": "https://earlywatch.test/incidents/17",
        "actions": [
            {
                "action": "view",
                "label": "Open the incident",
                "url": "https://earlywatch.test/incidents/17",
            },
            {"action": "view", "label": "Acknowledge or snooze", "url": ACT_URL},
        ],
    }


@pytest.mark.parametrize(
    ("alert", "priority", "tag"),
    [
        (opened(), 4, "hourglass"),
        (reminder(), 4, "hourglass"),
        (folded(), 4, "x"),
        (replace(opened(), urgent=True), 5, "hourglass"),
        (replace(resolved(), urgent=True), 3, "white_check_mark"),
        (replace(over(), urgent=True), 3, "white_check_mark"),
        (TEST, 3, "information_source"),
    ],
)
def test_the_phone_rings_as_loud_as_it_matters(alert: Alert, priority: int, tag: str) -> None:
    message = payload(alert)

    assert (message["priority"], message["tags"]) == (priority, [tag])


@pytest.mark.parametrize("alert", [TEST, CONFIRM, HOSTILE, FOLDED, DIGEST])
def test_every_message_keeps_to_the_limits(alert: Alert) -> None:
    message = payload(alert)

    assert 0 < len(message["title"].encode()) <= 250
    assert 0 < len(message["message"].encode()) <= 4096
    assert len(message["actions"]) <= 3
    assert "\n" not in message["title"]


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = payload(CONFIRM)

    assert message["click"] == CONFIRM.confirm_url
    assert "012345" not in json.dumps(message)


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (401, 40101, True),
        (403, 40301, True),
        (400, 40009, True),
        (400, 40010, True),
        (400, 40017, False),
        (429, 42901, False),
        (429, 42908, False),
        (500, 50001, False),
    ],
)
def test_only_a_topic_that_is_closed_to_us_is_given_up(
    status: int,
    code: int,
    permanent: bool,
    config: dict[str, Any],
    doors: Doors,
    receiver: Receiver,
) -> None:
    # https://github.com/binwiederhier/ntfy/blob/main/server/errors.go
    said = {"code": code, "http": status, "error": "no", "link": "https://ntfy.sh/docs/"}
    receiver.status, receiver.text = status, json.dumps(said)
    receiver.headers = {"Retry-After": "5"}

    with pytest.raises(ChannelError, match=f"ntfy answered {status}") as caught:
        send(config, opened(), doors)

    assert caught.value.permanent is permanent
    assert caught.value.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize("status", [401, 403])
def test_a_door_in_front_of_the_server_is_no_reason_to_give_up(
    status: int, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.text = status, "<html>sign in</html>"

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("server", "1.1.1.1"),
        ("server", "https://1.1.1.1/topic"),
        ("server", "https://1.1.1.1/?a=b"),
        ("server", "https://user:secret@1.1.1.1"),
        ("topic", ""),
        ("topic", "a b"),
        ("topic", "a/b"),
        ("topic", "x" * 65),
        ("topic", "\N{GREEK SMALL LETTER ALPHA}"),
        ("token", "tk_a b"),
        ("token", "tk_a\r\nX: y"),
    ],
)
def test_what_cannot_work_is_refused_beside_its_field(field: str, typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({**CONFIG, field: typed}, doors)

    assert caught.value.field == field


def test_a_server_that_leads_inside_is_refused_when_saved_and_when_used(doors: Doors) -> None:
    public = Doors(Http(), doors.mail, doors.sms)
    inside = {**CONFIG, "server": "http://192.168.1.1"}

    with pytest.raises(InvalidChannel, match="not a public address"):
        check(inside, public)
    with pytest.raises(ChannelError, match="not a public address"):
        send(inside, opened(), public)


def test_what_was_typed_becomes_a_config(doors: Doors) -> None:
    typed = {"server": " https://1.1.1.1/ ", "topic": " operations-9dK2", "token": ""}

    assert check(typed, doors) == {**CONFIG, "token": ""}


def test_the_summary_does_not_give_the_topic_away() -> None:
    assert summary(CONFIG) == "1.1.1.1/…9dK2"
