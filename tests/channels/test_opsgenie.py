"""Alerts to Opsgenie: the shape of https://docs.opsgenie.com/docs/alert-api."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from earlywatch.channels.opsgenie import check, payload, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert, AlertKind
from tests.alerts import CONFIRM, NOW, TEST, opened, resolved
from tests.clients.servers import Receiver

CONFIG = {"api_key": "01234567-89ab-cdef-0123-456789abcdef", "region": "us"}
OWN_ALIAS = f"earlywatch-message-{TEST.id}"
ALERTS, CLOSE = "/v2/alerts", "/v2/alerts/{}/close?identifierType=alias"
NOTES = "/v2/alerts/{}/notes?identifierType=alias"


@pytest.fixture
def opsgenie(receiver: Receiver) -> Receiver:
    said = {"result": "Request will be processed", "took": 0.3, "requestId": "43a2"}
    receiver.status, receiver.text = 202, json.dumps(said)
    return receiver


def test_trouble_is_an_alert_in_the_documented_shape(doors: Doors, opsgenie: Receiver) -> None:
    answer = send(CONFIG, opened(), doors)

    [request] = opsgenie.requests
    alert = json.loads(request.body)
    assert answer.startswith('202 {"result": "Request will be processed"')
    assert request.path == ALERTS
    assert request.headers["Authorization"] == f"GenieKey {CONFIG['api_key']}"
    assert alert == {
        "message": "nightly backup is late by 12 min",
        "alias": "earlywatch-17",
        "description": alert["description"],
        "source": "Earlywatch",
        "priority": "P3",
        "details": {"Open the incident": "https://earlywatch.test/incidents/17"},
        "entity": "nightly backup",
        "tags": ["Earlywatch", "missed"],
    }
    assert alert["description"].startswith("No ping came by 02:10 Europe/Berlin (01:10 UTC).\n")
    assert alert["description"].endswith("Open the incident: https://earlywatch.test/incidents/17")


@pytest.mark.parametrize(
    ("alert", "paths", "priority"),
    [
        (opened(), [ALERTS], "P3"),
        (replace(opened(), urgent=True), [ALERTS], "P1"),
        (replace(opened(), kind=AlertKind.ESCALATED), [ALERTS], "P3"),
        (
            replace(opened(), kind=AlertKind.REMINDER),
            [ALERTS, NOTES.format("earlywatch-17")],
            "P3",
        ),
        (opened(resolved_at=NOW), [ALERTS, CLOSE.format("earlywatch-17")], "P5"),
        (TEST, [ALERTS, CLOSE.format(OWN_ALIAS)], "P5"),
        (CONFIRM, [ALERTS, CLOSE.format(OWN_ALIAS)], "P5"),
    ],
)
def test_what_an_alert_is_decides_the_calls(alert: Alert, paths: list[str], priority: str) -> None:
    calls = payload(alert)

    assert [path for path, _ in calls] == paths
    assert calls[0][1]["priority"] == priority


def test_the_end_closes_the_alert_by_its_alias(doors: Doors, opsgenie: Receiver) -> None:
    send(CONFIG, resolved(), doors)

    [request] = opsgenie.requests
    assert request.path == CLOSE.format("earlywatch-17")
    note = json.loads(request.body)
    assert note["source"] == note["user"] == "Earlywatch"
    assert note["note"].startswith("nightly backup is back after 12 min\n")


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    [(_, made), _] = payload(CONFIRM)

    assert made["description"].endswith(f"Confirm this channel: {CONFIRM.confirm_url}")
    assert "012345" not in json.dumps(made)
    assert "Acme" not in json.dumps(made)


def test_limits_are_kept_and_links_whole() -> None:
    alert = opened(monitor_name="x" * 1000, output="y" * 20_000, url=f"https://e.test/{'u' * 900}")

    [(_, made)] = payload(alert)

    assert len(made["message"]) <= 130
    assert len(made["description"]) <= 15_000
    assert len(made["entity"]) <= 512
    assert made["description"].endswith("u" * 900)


@pytest.mark.parametrize(
    ("status", "message", "permanent"),
    [
        (401, "Could not authenticate", True),
        (403, "You are not authorized to access the api", True),
        (422, "Key format is not valid!", True),
        (422, "Request body is not processable", False),
        (404, "not found", False),
        (503, "key", False),
    ],
)
def test_only_a_wrong_key_is_refused_for_ever(
    status: int, message: str, permanent: bool, doors: Doors, opsgenie: Receiver
) -> None:
    opsgenie.status, opsgenie.text = status, json.dumps({"message": message, "took": 0.1})

    with pytest.raises(ChannelError, match=f"Opsgenie answered {status}") as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent is permanent


def test_too_many_calls_wait_as_long_as_they_are_told(doors: Doors, opsgenie: Receiver) -> None:
    opsgenie.status, opsgenie.headers = 429, {"Retry-After": "20"}

    with pytest.raises(ChannelError) as caught:
        send(CONFIG, opened(), doors)

    assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=20))


def test_a_key_is_kept_and_not_shown(doors: Doors) -> None:
    config = check({"api_key": f" {CONFIG['api_key']} ", "region": "jsm"}, doors)

    assert config == {**CONFIG, "region": "jsm"}
    assert summary(config) == "Jira Service Management, …cdef"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"api_key": "", "region": "us"}, "api_key"),
        ({"api_key": "short", "region": "us"}, "api_key"),
        ({"api_key": CONFIG["api_key"] + "\r\nX: y", "region": "us"}, "api_key"),
        ({**CONFIG, "region": "mars"}, "region"),
    ],
)
def test_what_is_no_integration_is_refused(typed: dict[str, str], field: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check(typed, doors)

    assert caught.value.field == field
