"""Alerts to Mattermost, posted to a real HTTP server."""

import json
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.mattermost import check, payload, send
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.channels.moments import ACT_URL, NOTICE, actionable, folded, over
from tests.clients.servers import Receiver

CONFIG = {"webhook_url": "https://1.1.1.1/hooks/abcdefghijklmnopqrstuvXYZ1"}
INVALID = {"id": "web.incoming_webhook.invalid.app_error", "message": "Invalid webhook."}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    return {"webhook_url": f"{receiver.url}/hooks/xxx"}


def test_an_alert_becomes_a_message(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 ok"
    assert request.path == "/hooks/xxx"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == opened().id
    assert json.loads(request.body) == payload(opened())


def test_the_message_has_the_documented_shape() -> None:
    # https://developers.mattermost.com/integrate/webhooks/incoming/#parameters
    # https://developers.mattermost.com/integrate/reference/message-attachments/
    message = payload(actionable())

    [card] = message["attachments"]
    assert message["text"] == "**nightly backup is late by 12 min**"
    assert card["color"] == "#b35900"
    assert (card["title"], card["title_link"]) == (
        "Open the incident",
        "https://earlywatch.test/incidents/17",
    )
    assert card["text"] == (
        f"No ping came by 02:10 Europe/Berlin (01:10 UTC).\n\n[Acknowledge or snooze]({ACT_URL})"
    )
    assert card["fields"][0] == {
        "title": "Expected",
        "value": "02:00 Europe/Berlin (01:00 UTC)",
        "short": True,
    }
    assert card["fallback"].startswith("nightly backup is late by 12 min. Expected: 02:00")


def test_the_colour_says_what_the_words_say() -> None:
    colours = [
        payload(alert)["attachments"][0]["color"]
        for alert in (opened(), folded(), resolved(), over(), TEST)
    ]

    assert colours == ["#b35900", "#c62828", "#1a7f37", "#1a7f37", "#57606a"]


@pytest.mark.parametrize(
    "alert", [opened(), resolved(), TEST, CONFIRM, NOTICE, HOSTILE, FOLDED, DIGEST]
)
def test_every_message_says_something_in_less_than_a_post_may_hold(alert: Alert) -> None:
    message = payload(alert)

    assert 0 < len(message["text"]) < 4000
    assert len(json.dumps(message["attachments"], ensure_ascii=False)) < 7900
    assert all(field["title"] and field["value"] for field in message["attachments"][0]["fields"])


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert "https://earlywatch.test/channels/confirm/abc" in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("status", "text", "permanent"),
    [
        (400, json.dumps({**INVALID, "status_code": 400}), True),
        (404, json.dumps({**INVALID, "status_code": 404}), True),
        (404, "<html>not found</html>", True),
        (410, "", True),
        (501, '{"id": "web.incoming_webhook.disabled.app_error"}', False),
        (400, "not json", False),
        (500, "[" * 60_000, False),
        (302, "", False),
    ],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    status: int,
    text: str,
    permanent: bool,
    config: dict[str, Any],
    doors: Doors,
    receiver: Receiver,
) -> None:
    receiver.status, receiver.text = status, text

    with pytest.raises(ChannelError, match=f"Mattermost answered {status}") as caught:
        send(config, opened(), doors)

    assert caught.value.permanent is permanent
    assert str(caught.value).isprintable()


def test_the_wish_to_wait_is_passed_on(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "1"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=1)


@pytest.mark.parametrize("typed", ["", "https://1.1.1.1", "https://1.1.1.1/a b", "ftp://1.1.1.1/x"])
def test_what_is_no_webhook_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": typed}, doors)

    assert caught.value.field == "webhook_url"


def test_a_webhook_is_kept_as_pasted(doors: Doors) -> None:
    assert check({"webhook_url": f" {CONFIG['webhook_url']}\n"}, doors) == CONFIG
