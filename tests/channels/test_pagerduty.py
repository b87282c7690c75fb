"""Alerts to PagerDuty: the shape of https://developer.pagerduty.com/docs/send-alert-event."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.pagerduty import check, payload, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert, AlertKind, Folded, Notice
from earlywatch.domain.monitor import Cause
from tests.alerts import CONFIRM, NOW, TEST, opened, resolved
from tests.clients.servers import Receiver

CONFIG = {"routing_key": "0123456789abcdef" * 2, "region": "us"}
KEY = "earlywatch-17"
OWN_KEY = f"earlywatch-message-{TEST.id}"
NOTICE = replace(
    TEST, kind=AlertKind.NOTICE, notice=Notice("A channel is broken", "Slack answered 404.")
)
DRILL = replace(TEST, kind=AlertKind.DRILL, drill_url="https://earlywatch.test/drills/answer/1")


@pytest.fixture
def pagerduty(receiver: Receiver) -> Receiver:
    said = {"status": "success", "message": "Event processed", "dedup_key": KEY}
    receiver.status, receiver.text = 202, json.dumps(said)
    return receiver


def actions(alert: Alert) -> list[tuple[str, str, str | None]]:
    """Return action, key and severity of each event."""
    return [
        (event["event_action"], event["dedup_key"], event.get("payload", {}).get("severity"))
        for event in payload(alert)
    ]


def sent(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.requests]


def test_trouble_is_triggered_in_the_documented_shape(doors: Doors, pagerduty: Receiver) -> None:
    answer = send(CONFIG, opened(), doors)

    [request] = pagerduty.requests
    [event] = sent(pagerduty)
    assert answer.startswith('202 {"status": "success"')
    assert request.path == "/v2/enqueue"
    assert request.headers["Content-Type"] == "application/json"
    assert event == {
        "routing_key": CONFIG["routing_key"],
        "event_action": "trigger",
        "dedup_key": KEY,
        "client": "Earlywatch",
        "client_url": "https://earlywatch.test/incidents/17",
        "links": [{"href": "https://earlywatch.test/incidents/17", "text": "Open the incident"}],
        "payload": {
            "summary": "nightly backup is late by 12 min",
            "source": "nightly backup",
            "severity": "error",
            "timestamp": "2026-11-20T01:10:00+00:00",
            "group": "Acme",
            "class": "missed",
            "custom_details": event["payload"]["custom_details"],
        },
    }
    assert event["payload"]["custom_details"]["details"][0] == (
        "Expected: 02:00 Europe/Berlin (01:00 UTC)"
    )


@pytest.mark.parametrize(
    ("alert", "told"),
    [
        (opened(), [("trigger", KEY, "error")]),
        (replace(opened(), urgent=True), [("trigger", KEY, "critical")]),
        (replace(opened(), kind=AlertKind.REMINDER), [("trigger", KEY, "error")]),
        (resolved(), [("resolve", KEY, None)]),
        (
            replace(opened(resolved_at=NOW), urgent=True),
            [("trigger", KEY, "info"), ("resolve", KEY, None)],
        ),
        (
            opened(acknowledged_by="alice"),
            [("trigger", KEY, "error"), ("acknowledge", KEY, None)],
        ),
        (TEST, [("trigger", OWN_KEY, "info"), ("resolve", OWN_KEY, None)]),
        (NOTICE, [("trigger", OWN_KEY, "info"), ("resolve", OWN_KEY, None)]),
    ],
)
def test_what_an_alert_is_decides_its_events(
    alert: Alert, told: list[tuple[str, str, str | None]]
) -> None:
    assert actions(alert) == told


def test_a_test_leaves_nothing_open(doors: Doors, pagerduty: Receiver) -> None:
    send(CONFIG, TEST, doors)

    assert [event["event_action"] for event in sent(pagerduty)] == ["trigger", "resolve"]
    assert sent(pagerduty)[0]["payload"]["summary"] == "Test of operations"


@pytest.mark.parametrize(
    ("alert", "url"), [(CONFIRM, CONFIRM.confirm_url), (DRILL, DRILL.drill_url)]
)
def test_what_asks_for_a_press_carries_its_link_in_the_summary(alert: Alert, url: str) -> None:
    [trigger, _] = payload(alert)

    assert trigger["payload"]["summary"].endswith(f": {url}")
    assert trigger["links"][0]["href"] == url
    assert "012345" not in json.dumps(trigger)


def test_many_in_one_message_are_one_event_that_lists_them() -> None:
    url = "https://earlywatch.test/incidents/17"
    members = [Folded(f"job {n}", Cause.MISSED, NOW, None, url) for n in range(40)]

    [event] = payload(replace(opened(), folded=tuple(members), shared="the tag db"))

    assert event["dedup_key"] == KEY
    assert event["payload"]["summary"] == "40 monitors are late"
    assert event["payload"]["custom_details"]["details"][0].startswith("job 0: late since")
    assert "20 more" in event["payload"]["custom_details"]["details"][-1]


def test_limits_are_kept_and_links_whole() -> None:
    url = f"https://earlywatch.test/{'a' * 400}"
    long = replace(CONFIRM, confirm_url=url)

    assert len(payload(opened(monitor_name="x" * 1000))[0]["payload"]["summary"]) <= 1024
    assert payload(long)[0]["payload"]["summary"].endswith(url)


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        (400, {"status": "invalid event", "errors": ["Invalid routing key"]}, True),
        (400, {"message": "'routing_key' is invalid", "errors": []}, True),
        (400, {"status": "invalid event", "errors": ["'payload.severity' is missing"]}, False),
        (400, "no object", False),
        (500, {"message": "routing key"}, False),
    ],
)
def test_only_a_wrong_key_is_refused_for_ever(
    status: int, said: object, permanent: bool, doors: Doors, pagerduty: Receiver
) -> None:
    pagerduty.status, pagerduty.text = status, json.dumps(said)

    with pytest.raises(ChannelError, match=f"PagerDuty answered {status}") as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent is permanent


def test_too_many_events_wait_as_long_as_they_are_told(doors: Doors, pagerduty: Receiver) -> None:
    pagerduty.status, pagerduty.headers = 429, {"Retry-After": "30"}

    with pytest.raises(ChannelError) as caught:
        send(CONFIG, opened(), doors)

    assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=30))


def test_a_key_is_kept_and_not_shown(doors: Doors) -> None:
    config = check({"routing_key": f" {CONFIG['routing_key']}\n", "region": "eu"}, doors)

    assert config == {**CONFIG, "region": "eu"}
    assert summary(config) == "PagerDuty …cdef"


@pytest.mark.parametrize("typed", ["", "0123", "0" * 31, "0" * 33, "0" * 31 + "-", "0" * 31 + "é"])
def test_what_is_no_key_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="32 letters") as caught:
        check({"routing_key": typed, "region": "us"}, doors)

    assert caught.value.field == "routing_key"


def test_a_region_that_is_not_offered_is_refused(doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({**CONFIG, "region": "https://evil.example"}, doors)

    assert caught.value.field == "region"
