"""Alerts to Google Chat, posted to a real HTTP server."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.google_chat import check, payload, send
from earlywatch.channels.hooks import summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert
from earlywatch.domain.monitor import Cause
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.clients.servers import Receiver

CONFIG = {
    "webhook_url": "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=abc&token=abcdefghXYZ1"
}
OURS = re.compile(r'</?b>|</?font(?: color="#[0-9a-f]{6}")?>')  # the markup that we write


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    receiver.text = json.dumps({"name": "spaces/AAAA/messages/BBBB.CCCC"})
    return {"webhook_url": f"{receiver.url}/v1/spaces/AAAA/messages?key=a&token=b"}


def widgets(alert: Alert) -> list[dict[str, Any]]:
    [shown] = payload(alert)["cardsV2"]
    [section] = shown["card"]["sections"]
    found: list[dict[str, Any]] = section["widgets"]
    return found


def test_an_alert_becomes_a_card(config: dict[str, Any], doors: Doors, receiver: Receiver) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 spaces/AAAA/messages/BBBB.CCCC"
    assert request.path == "/v1/spaces/AAAA/messages?key=a&token=b"
    assert json.loads(request.body) == payload(opened())


def test_the_message_has_the_documented_shape() -> None:
    # https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages
    # https://developers.google.com/workspace/chat/api/reference/rest/v1/cards
    alert = replace(opened(), act_url="https://earlywatch.test/incidents/act/1")
    message, shown = payload(alert), widgets(alert)

    assert set(message) == {"fallbackText", "cardsV2"}
    assert message["fallbackText"].startswith("nightly backup is late by 12 min. Expected: ")
    assert message["cardsV2"][0]["cardId"] == opened().id
    assert shown[0] == {
        "textParagraph": {
            "text": '<font color="#d9580d"><b>nightly backup is late by 12 min</b></font>'
        }
    }
    assert shown[2] == {
        "decoratedText": {
            "topLabel": "Expected",
            "text": "02:00 Europe/Berlin (01:00 UTC)",
            "wrapText": True,
        }
    }
    assert shown[-1]["buttonList"]["buttons"] == [
        {
            "text": "Open the incident",
            "onClick": {"openLink": {"url": "https://earlywatch.test/incidents/17"}},
        },
        {
            "text": "Acknowledge or snooze",
            "onClick": {"openLink": {"url": "https://earlywatch.test/incidents/act/1"}},
        },
    ]


@pytest.mark.parametrize(
    ("alert", "colour"),
    [
        (opened(), "#d9580d"),
        (opened(cause=Cause.FAILED), "#e0315c"),
        (resolved(), "#1e8e5a"),
    ],
)
def test_the_colour_is_that_of_the_status(alert: Alert, colour: str) -> None:
    assert f'color="{colour}"' in widgets(alert)[0]["textParagraph"]["text"]


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM, FOLDED, DIGEST, HOSTILE])
def test_every_message_keeps_to_googles_limits(alert: Alert) -> None:
    # https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
    assert len(json.dumps(payload(alert))) <= 32_000
    assert len(widgets(alert)) <= 100


@pytest.mark.parametrize("alert", [HOSTILE, FOLDED, DIGEST])
def test_no_markup_of_people_is_alive(alert: Alert) -> None:
    texts = []
    for widget in widgets(alert):
        texts += [widget.get("textParagraph", {}).get("text", "")]
        fact = widget.get("decoratedText", {})
        texts += [fact.get("text", "")]
        assert re.fullmatch("[A-Za-z ]*", fact.get("topLabel", ""))

    for text in texts:
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|@\w|://", OURS.sub("", text))
    assert not re.search(r"<\w|@\w|://", payload(alert)["fallbackText"])


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert "https://earlywatch.test/channels/confirm/abc" in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("status", "words", "permanent"),
    [
        (404, "Requested entity was not found.", True),
        (403, "The caller does not have permission", False),
        (400, "Invalid JSON payload received.", False),
        (429, "Resource has been exhausted (e.g. check quota).", False),
        (503, "The service is currently unavailable.", False),
    ],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    status: int,
    words: str,
    permanent: bool,
    config: dict[str, Any],
    doors: Doors,
    receiver: Receiver,
) -> None:
    # https://cloud.google.com/apis/design/errors#http_mapping
    said = {"error": {"code": status, "message": words, "status": "WHATEVER"}}
    receiver.status, receiver.text = status, json.dumps(said)
    receiver.headers = {"Retry-After": "9"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert str(caught.value) == f"Google Chat answered {status} {words.rstrip('.')}."
    assert caught.value.permanent is permanent
    assert caught.value.retry_after == timedelta(seconds=9)


def test_a_webhook_is_kept_as_pasted_and_its_secret_is_not_shown(doors: Doors) -> None:
    url = "https://1.1.1.1/v1/spaces/AAAA/messages?key=a&token=b%3D"

    assert check({"webhook_url": f" {url}\n"}, doors) == {"webhook_url": url}
    assert summary(CONFIG) == "chat.googleapis.com/…/…XYZ1"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "https://1.1.1.1/room/AAAA",
        "https://1.1.1.1/v1/spaces/AAAA/messages?key=a",
        "chat.googleapis.com/v1/spaces/AAAA/messages?key=a&token=b",
    ],
)
def test_what_is_no_webhook_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": typed}, doors)

    assert caught.value.field == "webhook_url"
