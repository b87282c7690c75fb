"""Alerts to incident.io: https://docs.incident.io/api-reference/alert-events-v2/create-http."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.incident_io import check, payload, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.clients.http import Http
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, NOW, TEST, opened, resolved
from tests.clients.servers import Receiver

URL = "https://api.incident.io/v2/alert_events/http/01GW2G3V0S59R238FAHPDS1R66"
CONFIG = {"url": URL, "token": "t" * 32}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    said = {"status": "success", "message": "Event accepted for processing"}
    receiver.status, receiver.text = 202, json.dumps(said)
    return {**CONFIG, "url": f"{receiver.url}/v2/alert_events/http/01GW"}


def test_trouble_is_an_event_in_the_documented_shape(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    answer = send(config, replace(opened(), urgent=True), doors)

    [request] = receiver.requests
    event = json.loads(request.body)
    assert answer.startswith('202 {"status": "success"')
    assert request.path == "/v2/alert_events/http/01GW"
    assert request.headers["Authorization"] == f"Bearer {CONFIG['token']}"
    assert event == {
        "status": "firing",
        "deduplication_key": "earlywatch-17",
        "title": "nightly backup is late by 12 min",
        "description": event["description"],
        "source_url": "https://earlywatch.test/incidents/17",
        "metadata": {
            "kind": "opened",
            "severity": "critical",
            "monitor": "nightly backup",
            "workspace": "Acme",
            "cause": "missed",
            "opened_at": "2026-11-20T01:10:00+00:00",
        },
    }
    assert event["description"].startswith(
        "[Open the incident](https://earlywatch.test/incidents/17)\n\nNo ping came by 02:10"
    )


@pytest.mark.parametrize(
    ("alert", "statuses"),
    [
        (opened(), ["firing"]),
        (resolved(), ["resolved"]),
        (opened(resolved_at=NOW), ["firing", "resolved"]),
        (TEST, ["firing", "resolved"]),
        (CONFIRM, ["firing", "resolved"]),
    ],
)
def test_what_an_alert_is_decides_its_events(alert: Alert, statuses: list[str]) -> None:
    events = payload(alert)

    assert [event["status"] for event in events] == statuses
    assert len({event["deduplication_key"] for event in events}) == 1


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    [firing, _] = payload(CONFIRM)

    assert f"[Confirm this channel]({CONFIRM.confirm_url})" in firing["description"]
    assert firing["source_url"] == CONFIRM.confirm_url
    assert "012345" not in json.dumps(firing)


def test_no_name_is_markup_in_the_description() -> None:
    [event] = payload(opened(monitor_name="x", output="[a](http://evil.example) *b* <img> `c`"))

    said = event["description"].split("\n\n", 1)[1]
    assert "](" not in said
    assert r"\*b\*" in said
    assert "<img" not in said
    assert r"\`c\`" in said


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(401, True), (404, True), (410, True), (400, False), (422, False), (500, False)],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    status: int, permanent: bool, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status = status

    with pytest.raises(ChannelError, match=rf"incident\.io answered {status}") as caught:
        send(config, opened(), doors)

    assert caught.value.permanent is permanent


def test_too_many_events_wait_as_long_as_they_are_told(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "7"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=7))


def test_a_source_that_leads_inside_is_refused_when_saved_and_when_used(doors: Doors) -> None:
    public = replace(doors, http=Http())

    with pytest.raises(InvalidChannel, match="not a public address") as caught:
        check({"url": "http://169.254.169.254/latest/", "token": "t"}, public)
    assert caught.value.field == "url"
    with pytest.raises(ChannelError, match="not a public address") as refused:
        send({"url": "http://10.0.0.1/hook", "token": "t"}, opened(), public)
    assert refused.value.permanent


def test_a_source_is_kept_as_pasted_and_its_token_is_not_shown(doors: Doors) -> None:
    config = check({"url": " https://1.1.1.1/v2/x \n", "token": "Bearer abc-1"}, doors)

    assert config == {"url": "https://1.1.1.1/v2/x", "token": "abc-1"}
    assert summary(CONFIG) == "api.incident.io/…/…1R66"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"url": "https://1.1.1.1", "token": "t"}, "url"),
        ({"url": "1.1.1.1/x", "token": "t"}, "url"),
        ({"url": "https://1.1.1.1/x", "token": ""}, "token"),
        ({"url": "https://1.1.1.1/x", "token": "a\r\nX: b"}, "token"),
        ({"url": "https://1.1.1.1/x", "token": "ü"}, "token"),
    ],
)
def test_what_is_no_source_is_refused(typed: dict[str, str], field: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check(typed, doors)

    assert caught.value.field == field
