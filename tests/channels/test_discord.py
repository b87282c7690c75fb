"""Alerts to Discord, posted to a real HTTP server."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.discord import check, payload, send
from earlywatch.channels.hooks import summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert
from earlywatch.domain.monitor import Cause
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.clients.servers import Receiver

CONFIG = {"webhook_url": "https://discord.com/api/webhooks/1234/abcdef-XYZ_12"}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    receiver.text = json.dumps({"id": "4711", "type": 0})
    return {"webhook_url": f"{receiver.url}/api/webhooks/1234/abc"}


def test_an_alert_becomes_a_message_that_discord_confirms(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 message 4711"
    assert request.path == "/api/webhooks/1234/abc?wait=true"
    assert json.loads(request.body) == payload(opened())


def test_the_message_of_a_thread_goes_to_the_thread(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    send({"webhook_url": f"{config['webhook_url']}?wait=false&thread_id=77"}, opened(), doors)

    assert receiver.requests[0].path == "/api/webhooks/1234/abc?thread_id=77&wait=true"


def test_the_message_has_the_documented_shape() -> None:
    # https://discord.com/developers/docs/resources/webhook#execute-webhook
    # https://discord.com/developers/docs/resources/message#embed-object
    message = payload(replace(opened(), act_url="https://earlywatch.test/incidents/act/1"))

    [embed] = message["embeds"]
    assert set(message) == {"content", "embeds", "allowed_mentions"}
    assert message["content"] == "nightly backup is late by 12 min"
    assert message["allowed_mentions"] == {"parse": []}
    assert (embed["title"], embed["url"]) == (
        "Open the incident",
        "https://earlywatch.test/incidents/17",
    )
    assert embed["description"] == (
        "No ping came by 02:10 Europe/Berlin (01:10 UTC).\n"
        "[Acknowledge or snooze](https://earlywatch.test/incidents/act/1)"
    )
    assert embed["fields"][0] == {
        "name": "Expected",
        "value": "02:00 Europe/Berlin (01:00 UTC)",
        "inline": False,
    }


@pytest.mark.parametrize(
    ("alert", "colour"),
    [
        (opened(), 0xB23C00),
        (opened(cause=Cause.FAILED), 0xA8123F),
        (resolved(), 0x0B6B4D),
        (opened(resolved_at=opened().sent_at), 0x0B6B4D),
        (TEST, 0x5B6470),
    ],
)
def test_the_colour_is_that_of_the_status(alert: Alert, colour: int) -> None:
    assert payload(alert)["embeds"][0]["color"] == colour


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM, FOLDED, DIGEST, HOSTILE])
def test_every_message_keeps_to_discords_limits(alert: Alert) -> None:
    # https://discord.com/developers/docs/resources/message#embed-object-embed-limits
    message = payload(alert)

    [embed] = message["embeds"]
    texts = [embed.get("title", ""), embed["description"]]
    for field in embed["fields"]:
        texts += [field["name"], field["value"]]
        assert 1 <= len(field["name"]) <= 256
        assert 1 <= len(field["value"]) <= 1024
    assert 1 <= len(message["content"]) <= 2000
    assert 1 <= len(embed["description"]) <= 4096
    assert len(embed["fields"]) <= 25
    assert sum(map(len, texts)) <= 6000


def test_what_does_not_fit_is_counted() -> None:
    fields = payload(DIGEST)["embeds"][0]["fields"]

    assert fields[-1]["name"] == "And"
    assert fields[-1]["value"] == f"{100 - (len(fields) - 1)} more"


def test_no_markup_of_a_name_is_alive() -> None:
    content = payload(opened(monitor_name="1. *a* _b_ `c` ||d|| <@1> [e](f) @everyone"))["content"]

    assert content.startswith("\u200b1. \\*a\\* \\_b\\_ \\`c\\` \\|\\|d\\|\\| \\<@\u200b1\\>")
    assert "@\u200beveryone" in content
    assert "](" not in content


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert "https://earlywatch.test/channels/confirm/abc" in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        (404, {"message": "Unknown Webhook", "code": 10015}, True),
        (401, {"message": "Invalid Webhook Token", "code": 50027}, True),
        (400, {"message": "Invalid Form Body", "code": 50035}, False),
        (500, {"message": "Internal Server Error", "code": 0}, False),
    ],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    status: int,
    said: dict[str, Any],
    permanent: bool,
    config: dict[str, Any],
    doors: Doors,
    receiver: Receiver,
) -> None:
    receiver.status, receiver.text = status, json.dumps(said)

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert str(caught.value) == f"Discord answered {status} {said['message']}."
    assert caught.value.permanent is permanent


def test_the_wish_to_wait_is_read_from_the_body_to_the_millisecond(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    # https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
    limited = {"message": "You are being rate limited.", "retry_after": 0.65, "global": False}
    receiver.status, receiver.text = 429, json.dumps(limited)
    receiver.headers = {"Retry-After": "1"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=0.65)
    assert not caught.value.permanent


@pytest.mark.parametrize("wish", ["soon", -1, None, True, [], 1e300])
def test_a_strange_wish_does_no_harm(
    wish: object, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.text = 429, json.dumps({"retry_after": wish})

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert (caught.value.retry_after or timedelta(0)) <= timedelta(hours=1)


def test_a_webhook_is_kept_as_pasted_and_its_secret_is_not_shown(doors: Doors) -> None:
    url = "https://1.1.1.1/api/v10/webhooks/1234/abcdef-XYZ_12"

    assert check({"webhook_url": f" {url}\n"}, doors) == {"webhook_url": url}
    assert summary(CONFIG) == "discord.com/…/…Z_12"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "https://1.1.1.1/channels/1/2",
        "https://1.1.1.1/api/webhooks/1",
        "https://1.1.1.1/api/webhooks/1/a/slack",
        "discord.com/api/webhooks/1/a",
    ],
)
def test_what_is_no_webhook_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": typed}, doors)

    assert caught.value.field == "webhook_url"
