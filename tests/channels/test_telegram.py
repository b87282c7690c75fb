"""Alerts to Telegram, sent to a real HTTP server that stands in for its Bot API."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from html5lib import HTMLParser

from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.channels.telegram import check, payload, send, summary
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.clients.servers import Receiver

CONFIG = {"chat_id": "-1001234567890", "topic_id": ""}
TOKEN = "17.4.abcdefghijklmnop"
SENT = json.dumps({"ok": True, "result": {"message_id": 5, "chat": {"id": -1001234567890}}})
WITH_BUTTONS = replace(opened(), act_token=TOKEN, act_url=f"https://earlywatch.test/act/{TOKEN}")


@pytest.fixture(autouse=True)
def _accepting(receiver: Receiver) -> None:
    receiver.text = SENT


def refused(receiver: Receiver, code: int, description: str, **parameters: Any) -> None:
    """Let Telegram refuse all that comes."""
    said: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        said["parameters"] = parameters
    receiver.status, receiver.text = code, json.dumps(said)


def test_an_alert_becomes_a_message_of_the_bot(doors: Doors, receiver: Receiver) -> None:
    answer = send(CONFIG, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 message 5"
    assert request.path == f"/bot{doors.telegram_token}/sendMessage"
    assert json.loads(request.body) == {"chat_id": -1001234567890, **payload(opened())}


def test_a_topic_and_a_channel_by_name_are_places_too(doors: Doors, receiver: Receiver) -> None:
    send({"chat_id": "@acme_alerts", "topic_id": "7"}, opened(), doors)

    message = json.loads(receiver.requests[0].body)
    assert (message["chat_id"], message["message_thread_id"]) == ("@acme_alerts", 7)


def test_the_message_has_the_documented_shape() -> None:
    # https://core.telegram.org/bots/api#sendmessage
    message = payload(WITH_BUTTONS)

    assert message["parse_mode"] == "HTML"
    assert message["link_preview_options"] == {"is_disabled": True}
    assert message["text"].startswith(
        "<b>nightly backup is late by 12 min</b>\n"
        "No ping came by 02:10 Europe/Berlin (01:10 UTC).\n"
        "\n"
        "<b>Expected</b>: 02:00 Europe/Berlin (01:00 UTC)\n"
    )
    assert message["reply_markup"]["inline_keyboard"] == [
        [
            {"text": "Acknowledge", "callback_data": f"ack:{TOKEN}"},
            {"text": "Snooze 1 h", "callback_data": f"snooze1h:{TOKEN}"},
        ],
        [{"text": "Open the incident", "url": "https://earlywatch.test/incidents/17"}],
        [{"text": "Acknowledge or snooze", "url": f"https://earlywatch.test/act/{TOKEN}"}],
    ]


def test_a_button_that_would_carry_more_than_telegram_takes_is_left_out() -> None:
    # https://core.telegram.org/bots/api#inlinekeyboardbutton
    def kept(length: int) -> list[int]:
        message = payload(replace(WITH_BUTTONS, act_token="x" * length))
        buttons = [button for row in message["reply_markup"]["inline_keyboard"] for button in row]
        return [len(button["callback_data"]) for button in buttons if "callback_data" in button]

    assert kept(55) == [59, 64]
    assert kept(56) == [60]
    assert kept(61) == []


def test_a_host_without_a_dot_stands_in_the_text_since_telegram_takes_no_such_button() -> None:
    message = payload(opened(url="http://localhost:8000/incidents/17?a=1&b=2"))

    assert "reply_markup" not in message
    assert message["text"].endswith(
        "\nOpen the incident: http://localhost:8000/incidents/17?a=1&amp;b=2"
    )


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM, FOLDED, DIGEST, HOSTILE])
def test_every_message_keeps_to_telegrams_limit_and_markup(alert: Alert) -> None:
    text = payload(alert)["text"]

    plain = unescape(re.sub(r"</?b>", "", text))
    root = HTMLParser(namespaceHTMLElements=False).parseFragment(text)
    assert 1 <= len(plain.encode("utf-16-le")) // 2 <= 4096
    assert {element.tag for element in root.iter() if isinstance(element.tag, str)} <= {
        "DOCUMENT_FRAGMENT",
        "b",
    }


@pytest.mark.parametrize("alert", [HOSTILE, FOLDED, DIGEST])
def test_no_name_mentions_links_or_commands(alert: Alert) -> None:
    said = payload(alert)["text"]

    assert not re.search(r"@\w|://|www\.|(?<![\w<])[/#]\w|&(?!amp;|lt;|gt;)", said)


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert '"url": "https://earlywatch.test/channels/confirm/abc"' in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("code", "description", "permanent"),
    [
        (403, "Forbidden: bot was blocked by the user", True),
        (403, "Forbidden: bot was kicked from the supergroup chat", True),
        (400, "Bad Request: chat not found", True),
        (400, "Bad Request: message thread not found", True),
        (400, "Bad Request: can't parse entities", False),
        (500, "Internal Server Error", False),
    ],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    code: int, description: str, permanent: bool, doors: Doors, receiver: Receiver
) -> None:
    refused(receiver, code, description)

    with pytest.raises(ChannelError) as caught:
        send(CONFIG, opened(), doors)

    assert str(caught.value) == f"Telegram answered {code} {description}."
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("code", [401, 404])
def test_a_wrong_token_is_the_operators_fault_and_is_not_shown(
    code: int, doors: Doors, receiver: Receiver
) -> None:
    refused(receiver, code, "Unauthorized")

    with pytest.raises(ChannelError, match="did not accept our bot's token") as caught:
        send(CONFIG, opened(), doors)

    assert not caught.value.permanent
    assert str(doors.telegram_token) not in str(caught.value)


def test_the_wish_to_wait_is_read_from_the_body(doors: Doors, receiver: Receiver) -> None:
    # https://core.telegram.org/bots/api#responseparameters
    refused(receiver, 429, "Too Many Requests: retry after 35", retry_after=35)

    with pytest.raises(ChannelError) as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=35)
    assert not caught.value.permanent


MOVED = "Bad Request: group chat was upgraded to a supergroup chat"


def test_a_group_that_became_a_supergroup_is_followed(doors: Doors, receiver: Receiver) -> None:
    refused(receiver, 400, MOVED, migrate_to_chat_id=-100999)
    receiver.first, receiver.status, receiver.text = [(400, receiver.text)], 200, SENT

    answer = send({"chat_id": "-999"}, opened(), doors)

    assert [json.loads(request.body)["chat_id"] for request in receiver.requests] == [-999, -100999]
    assert answer == (
        f"200 message 5. Telegram answered 400 {MOVED}. The group became a supergroup:"
        " its chat id is -100999 now. Put it into the channel's settings."
    )


def test_a_group_that_cannot_be_followed_is_gone_and_the_error_names_the_new_one(
    doors: Doors, receiver: Receiver
) -> None:
    refused(receiver, 400, MOVED, migrate_to_chat_id=-100999)

    with pytest.raises(ChannelError, match="its chat id is -100999 now") as caught:
        send({"chat_id": "-999"}, opened(), doors)

    assert caught.value.permanent
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("text", ["", "<html>", "[]", '{"ok": false, "parameters": 1}'])
def test_an_answer_that_is_none_of_telegrams_is_an_error(
    text: str, doors: Doors, receiver: Receiver
) -> None:
    receiver.text = text

    with pytest.raises(ChannelError, match="Telegram answered 200") as caught:
        send(CONFIG, opened(), doors)

    assert not caught.value.permanent


def test_without_a_token_nothing_is_sent_and_nothing_is_broken(doors: Doors) -> None:
    with pytest.raises(ChannelError, match="not set up") as caught:
        send(CONFIG, opened(), replace(doors, telegram_token=None))

    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("chat", "topic", "words"),
    [
        (" 123456789 ", "", "chat 123456789"),
        ("-1001234567890", " 7", "chat -1001234567890, topic 7"),
        ("@acme_alerts", "", "chat @acme_alerts"),
    ],
)
def test_a_chat_is_kept_as_typed(chat: str, topic: str, words: str, doors: Doors) -> None:
    config = check({"chat_id": chat, "topic_id": topic}, doors)

    assert config == {"chat_id": chat.strip(), "topic_id": topic.strip()}
    assert summary(config) == words


@pytest.mark.parametrize(
    ("chat", "topic", "field"),
    [
        ("", "", "chat_id"),
        ("acme", "", "chat_id"),
        ("@a b", "", "chat_id"),
        ("0", "", "chat_id"),
        ("-", "", "chat_id"),
        ("١٢٣", "", "chat_id"),
        ("https://t.me/acme", "", "chat_id"),
        ("-100", "general", "topic_id"),
        ("-100", "-7", "topic_id"),
    ],
)
def test_what_is_no_chat_is_refused(chat: str, topic: str, field: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"chat_id": chat, "topic_id": topic}, doors)

    assert caught.value.field == field
