"""Alerts to Slack, posted to a real HTTP server."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.hooks import summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.channels.slack import check, has_buttons, payload, send
from earlywatch.clients.http import Http
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.clients.servers import Receiver

WEBHOOK = "https://hooks.slack.com/services/T000/B000/abcdefghXYZ1"
CONFIG = {"webhook_url": WEBHOOK, "own_app": False}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    return {"webhook_url": f"{receiver.url}/services/T000/B000/XXXX"}


def test_an_alert_becomes_a_message_of_blocks(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    message = json.loads(request.body)
    assert answer == "200 ok"
    assert request.path == "/services/T000/B000/XXXX"
    assert request.headers["Idempotency-Key"] == opened().id
    assert message == payload(opened())


def test_the_message_has_the_documented_shape() -> None:
    header, opening, card, link = payload(opened())["blocks"]

    assert header == {
        "type": "header",
        "text": {
            "type": "plain_text",
            "text": "nightly backup is late by 12 min",
            "emoji": False,
        },
    }
    assert opening["text"]["text"] == "No ping came by 02:10 Europe/Berlin (01:10 UTC)."
    assert card["fields"][:2] == [
        {"type": "mrkdwn", "text": "*Expected*", "verbatim": True},
        {"type": "plain_text", "text": "02:00 Europe/Berlin (01:00 UTC)", "emoji": False},
    ]
    assert link["text"]["text"] == "<https://earlywatch.test/incidents/17|Open the incident>"


def test_programs_without_blocks_get_a_text_with_the_link() -> None:
    assert payload(opened())["text"] == (
        "nightly backup is late by 12 min."
        " Expected: 02:00 Europe/Berlin (01:00 UTC)."
        " Last ping: Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)."
        " <https://earlywatch.test/incidents/17|Open the incident>"
    )


ACT = "https://earlywatch.test/incidents/act/17.4.abc"
WITH_ACT = replace(opened(), act_token="17.4.abc", act_url=ACT)


def test_links_to_acknowledge_are_text_since_slack_warns_of_buttons_without_an_app() -> None:
    *_, last = payload(WITH_ACT)["blocks"]

    assert last["text"]["text"] == (
        f"<https://earlywatch.test/incidents/17|Open the incident>   <{ACT}|Acknowledge or snooze>"
    )


def test_with_an_app_of_ours_there_are_buttons_beside_the_links() -> None:
    # https://docs.slack.dev/reference/block-kit/block-elements/button-element
    *_, links, actions = payload(WITH_ACT, buttons=True)["blocks"]

    assert "Acknowledge or snooze" in links["text"]["text"]
    assert actions["type"] == "actions"
    assert actions["elements"] == [
        {
            "type": "button",
            "action_id": name,
            "value": "17.4.abc",
            "text": {"type": "plain_text", "text": words, "emoji": False},
        }
        for name, words in [("acknowledge", "Acknowledge"), ("snooze_1h", "Snooze 1 h")]
    ]


def test_other_programs_that_take_slacks_messages_get_no_buttons(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    send({**config, "own_app": True}, WITH_ACT, replace(doors, slack_buttons=True))

    assert json.loads(receiver.requests[0].body) == payload(WITH_ACT)


@pytest.mark.parametrize(
    ("beside", "set_up", "buttons"),
    [
        ({"own_app": True}, True, True),
        ({"own_app": True}, False, False),
        ({"own_app": False}, True, False),
        ({}, True, False),
    ],
)
def test_buttons_are_for_webhooks_of_our_own_app_alone(
    beside: dict[str, Any], set_up: bool, buttons: bool, doors: Doors
) -> None:
    config = {"webhook_url": WEBHOOK, **beside}

    assert has_buttons(config, replace(doors, slack_buttons=set_up)) is buttons


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM, FOLDED, DIGEST, HOSTILE])
def test_every_message_keeps_to_slacks_limits(alert: Alert) -> None:
    # https://docs.slack.dev/reference/block-kit/blocks
    message = payload(alert)

    assert len(message["blocks"]) <= 50
    for block in message["blocks"]:
        assert block["type"] in {"header", "section"}
        assert 1 <= len(block.get("fields", [0])) <= 10
        for text in [block.get("text"), *block.get("fields", [])]:
            assert text is None or 1 <= len(text["text"]) <= 2000
    assert len(message["blocks"][0]["text"]["text"]) <= 150


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert "<https://earlywatch.test/channels/confirm/abc|Confirm this channel>" in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("status", "text", "permanent"),
    [
        (404, "no_service", True),
        (404, "channel_not_found", True),
        (410, "channel_is_archived", True),
        (403, "invalid_token", True),
        (403, "action_prohibited", True),
        (404, "<html>page not found</html>", True),
        (403, "forbidden by the firewall", False),
        (400, "invalid_payload", False),
        (500, "rollup_error", False),
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

    with pytest.raises(ChannelError, match=f"Slack answered {status}") as caught:
        send(config, opened(), doors)

    assert caught.value.permanent is permanent


def test_the_wish_to_wait_is_passed_on(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "30"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=30)
    assert not caught.value.permanent


def test_the_names_of_many_monitors_are_no_markup() -> None:
    fields = [field for block in payload(FOLDED)["blocks"] for field in block.get("fields", [])]

    markup = {field["text"] for field in fields if field["type"] == "mrkdwn"}
    assert markup == {"*And*"}


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_is_fit_to_be_read_and_kept(
    status: int, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.text = status, f"a\x00b\x1b[31m{'word ' * 200}"

    try:
        answer = send(config, opened(), doors)
    except ChannelError as error:
        answer = str(error)

    assert f"{status} a b" in answer
    assert answer.isprintable()
    assert len(answer) < 300


def test_a_webhook_that_leads_inside_is_refused_when_saved_and_when_used(doors: Doors) -> None:
    public = Doors(Http(), doors.mail, doors.sms)

    with pytest.raises(InvalidChannel, match="not a public address") as caught:
        check({"webhook_url": "http://169.254.169.254/latest/meta-data/"}, public)
    assert caught.value.field == "webhook_url"
    with pytest.raises(ChannelError, match="not a public address") as refused:
        send({"webhook_url": "http://10.0.0.1/hook"}, opened(), public)
    assert refused.value.permanent


def test_a_webhook_is_kept_as_pasted_and_its_secret_is_not_shown(doors: Doors) -> None:
    config = check({"webhook_url": " https://1.1.1.1/services/T000/B000/abcdefghXYZ1 \n"}, doors)

    assert config == {
        "webhook_url": "https://1.1.1.1/services/T000/B000/abcdefghXYZ1",
        "own_app": False,
    }
    assert summary({"webhook_url": WEBHOOK}) == "hooks.slack.com/…/…XYZ1"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "hooks.slack.com/services/T/B/X",
        "https://1.1.1.1",
        "https://1.1.1.1/a b",
        "ftp://1.1.1.1/x",
    ],
)
def test_what_is_no_webhook_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": typed}, doors)

    assert caught.value.field == "webhook_url"
