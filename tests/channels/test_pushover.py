"""Alerts to Pushover: the shape of https://pushover.net/api and https://pushover.net/api/receipts."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from earlywatch.channels.pushover import check, payload, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel, Said
from earlywatch.domain.alert import Alert, AlertKind
from tests.alerts import CONFIRM, NOW, TEST, opened, resolved
from tests.clients.servers import Receiver

CONFIG = {"user_key": "u" * 30, "device": ""}
RECEIPT = "r" * 30
URGENT = replace(opened(), urgent=True)


@pytest.fixture
def pushover(receiver: Receiver) -> Receiver:
    receiver.text = json.dumps({"status": 1, "request": "647d2300", "receipt": RECEIPT})
    return receiver


def forms(receiver: Receiver) -> list[dict[str, str]]:
    return [
        {name: value for name, [value] in parse_qs(request.body.decode()).items()}
        for request in receiver.requests
    ]


def test_trouble_is_a_message_in_the_documented_shape(doors: Doors, pushover: Receiver) -> None:
    send({**CONFIG, "device": "phone"}, opened(), doors)

    [request] = pushover.requests
    [form] = forms(pushover)
    assert request.path == "/1/messages.json"
    assert form == {
        "token": "a" * 30,
        "user": CONFIG["user_key"],
        "device": "phone",
        "title": "nightly backup is late by 12 min",
        "message": form["message"],
        "timestamp": "1795137120",
        "priority": "0",
        "url": "https://earlywatch.test/incidents/17",
        "url_title": "Open the incident",
    }
    assert form["message"].startswith("No ping came by 02:10 Europe/Berlin (01:10 UTC).\nExpected:")


def test_urgent_trouble_sounds_until_somebody_reacts(doors: Doors, pushover: Receiver) -> None:
    answer = send(CONFIG, URGENT, doors)

    [form] = forms(pushover)
    assert (form["priority"], form["retry"], form["expire"]) == ("2", "60", "3600")
    assert form["tags"] == "earlywatch-17"
    assert isinstance(answer, Said)
    assert answer.provider_id == RECEIPT


@pytest.mark.parametrize(
    "alert",
    [
        replace(URGENT, trouble=opened(resolved_at=NOW).trouble),
        replace(resolved(), urgent=True),
        replace(TEST, urgent=True),
        replace(CONFIRM, urgent=True),
    ],
)
def test_nothing_but_lasting_trouble_sounds_for_long(alert: Alert) -> None:
    assert payload(alert)["priority"] == "0"


def test_the_end_silences_what_still_sounds(doors: Doors, pushover: Receiver) -> None:
    send(CONFIG, resolved(), doors)

    cancel, message = pushover.requests
    assert cancel.path == "/1/receipts/cancel_by_tag/earlywatch-17.json"
    assert forms(pushover)[0] == {"token": "a" * 30}
    assert message.path == "/1/messages.json"


def test_the_end_is_told_again_if_it_could_not_silence(doors: Doors, pushover: Receiver) -> None:
    pushover.status = 500

    with pytest.raises(ChannelError, match="Pushover answered 500"):
        send(CONFIG, resolved(), doors)

    assert len(pushover.requests) == 1


def test_the_link_acknowledges_where_that_can_be_done() -> None:
    form = payload(replace(opened(), act_url="https://earlywatch.test/incidents/act/17.3.x"))

    assert form["url"] == "https://earlywatch.test/incidents/act/17.3.x"
    assert form["url_title"] == "Acknowledge or snooze"


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    form = payload(CONFIRM)

    assert form["url"] == CONFIRM.confirm_url
    assert "012345" not in json.dumps(form)


@pytest.mark.parametrize("kind", [AlertKind.OPENED, AlertKind.RESOLVED])
def test_limits_are_kept(kind: AlertKind) -> None:
    form = payload(replace(opened(monitor_name="x" * 1000, output="y" * 2000), kind=kind))

    assert len(form["title"]) <= 250
    assert len(form["message"]) <= 1024
    assert len(form["url_title"]) <= 100


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        (400, {"user": "invalid", "errors": ["user identifier is invalid"]}, True),
        (400, {"token": "invalid", "errors": ["application token is invalid"]}, False),
        (400, {"token": "invalid", "user": "invalid"}, False),
        (400, {"message": "cannot be blank"}, False),
        (429, {"errors": ["monthly limit"]}, False),
        (500, {"user": "invalid"}, False),
    ],
)
def test_only_an_unknown_user_is_refused_for_ever(
    status: int, said: dict[str, Any], permanent: bool, doors: Doors, pushover: Receiver
) -> None:
    pushover.status, pushover.text = status, json.dumps({**said, "status": 0})

    with pytest.raises(ChannelError, match=f"Pushover answered {status}") as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent is permanent


def test_without_a_token_nothing_is_sent_and_nothing_is_broken(doors: Doors) -> None:
    with pytest.raises(ChannelError, match="not set up") as caught:
        send(CONFIG, opened(), replace(doors, pushover_token=None))

    assert not caught.value.permanent


def test_a_key_is_kept_and_not_shown(doors: Doors) -> None:
    config = check({"user_key": f" {'u' * 30} ", "device": "my-phone"}, doors)

    assert config == {"user_key": "u" * 30, "device": "my-phone"}
    assert summary(config) == "Pushover …uuuu, my-phone"
    assert summary(CONFIG) == "Pushover …uuuu"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"user_key": "alice@example.org", "device": ""}, "user_key"),
        ({"user_key": "u" * 29, "device": ""}, "user_key"),
        ({"user_key": "u" * 30, "device": "my phone"}, "device"),
        ({"user_key": "u" * 30, "device": "d" * 26}, "device"),
    ],
)
def test_what_is_no_user_is_refused(typed: dict[str, str], field: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check(typed, doors)

    assert caught.value.field == field
