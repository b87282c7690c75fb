"""What Telegram hands on: proven, done once, and answered so that the person sees it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from earlywatch.clock import utcnow
from earlywatch.services.wiring import EXTENSION
from tests.client import Browser
from tests.clients.servers import Receiver, http_server
from tests.webhooks.buttons import Case, make_case

URL = "/webhooks/telegram"
TOKEN = "1:" + "a" * 35
GROUP, PRIVATE = {"id": -1001, "type": "supergroup"}, {"id": 7, "type": "private"}
PERSON = {"id": 7, "is_bot": False, "first_name": "Anna", "last_name": "Weiss"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What stands in for api.telegram.org."""
    with http_server() as server:
        server.text = '{"ok": true, "result": {"message_id": 6}}'
        yield server


@pytest.fixture
def site(
    app: Flask, client: Browser, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Browser:
    """Whoever calls a site with a bot."""
    wired = app.extensions[EXTENSION]
    doors = replace(wired.doors, bases={"telegram": receiver.url}, telegram_token=TOKEN)
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, doors=doors))
    return client


@pytest.fixture
def case(app: Flask, session: Session) -> Case:
    return make_case(app, session, "telegram")


def call(browser: Browser, body: bytes, secret: str | None) -> TestResponse:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    return browser.post(URL, data=body, headers=headers, content_type="application/json")


def update(site: Browser, **what: Any) -> TestResponse:
    """Hand on an update, as https://core.telegram.org/bots/api#update says."""
    secret = site.application.extensions[EXTENSION].links.telegram_secret()
    return call(site, json.dumps({"update_id": 1, **what}).encode(), secret)


def press(
    site: Browser, data: str, chat: dict[str, Any] = GROUP, who: dict[str, Any] = PERSON
) -> TestResponse:
    message = {"message_id": 5, "chat": chat, "date": 1}
    query = {"id": "4711", "from": who, "message": message, "chat_instance": "1", "data": data}
    return update(site, callback_query=query)


def test_the_button_acknowledges_and_whoever_pressed_sees_it(site: Browser, case: Case) -> None:
    # https://core.telegram.org/bots/api#making-requests-when-getting-updates
    answer = press(site, f"ack:{case.token}")

    assert answer.status_code == 200
    assert answer.json == {
        "method": "answerCallbackQuery",
        "callback_query_id": "4711",
        "text": "Anna Weiss acknowledged this: nightly backup",
        "show_alert": False,
    }
    assert case.acknowledged_by == "Telegram: Anna Weiss"


def test_a_group_is_told_who_takes_care(site: Browser, case: Case, receiver: Receiver) -> None:
    press(site, f"ack:{case.token}")

    [request] = receiver.requests
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert json.loads(request.body) == {
        "chat_id": -1001,
        "text": "Anna Weiss acknowledged this: nightly backup",
        "reply_parameters": {"message_id": 5, "allow_sending_without_reply": True},
    }


def test_who_is_alone_with_the_bot_is_told_once(
    site: Browser, case: Case, receiver: Receiver
) -> None:
    press(site, f"ack:{case.token}", PRIVATE)

    assert case.acknowledged_by == "Telegram: Anna Weiss"
    assert receiver.requests == []


def test_the_button_snoozes_for_an_hour(site: Browser, case: Case) -> None:
    before = utcnow()

    answer = press(site, f"snooze1h:{case.token}")

    until, by = case.snoozed
    assert until is not None
    assert timedelta(0) <= until - before - timedelta(hours=1) < timedelta(seconds=20)
    assert by == "Telegram: Anna Weiss"
    assert "snoozed this for an hour" in answer.text


def test_a_button_pressed_twice_keeps_the_first_name(
    site: Browser, case: Case, receiver: Receiver
) -> None:
    press(site, f"ack:{case.token}")
    answer = press(site, f"ack:{case.token}", who={"id": 8, "username": "bob"})

    assert answer.json is not None
    assert answer.json["text"] == "Acknowledged before, by Telegram: Anna Weiss."
    assert answer.json["show_alert"] is True
    assert case.acknowledged_by == "Telegram: Anna Weiss"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("data", ["ack:", "ack:1.2.abc", "ack", "", "other:1", "x" * 64])
def test_an_unknown_button_does_nothing(data: str, site: Browser, case: Case) -> None:
    answer = press(site, data)

    assert answer.json is not None
    assert "is not one of ours" in answer.json["text"]
    assert case.acknowledged_by is None


def test_a_long_name_fits_what_telegram_shows(app: Flask, session: Session, site: Browser) -> None:
    case = make_case(app, session, "telegram", "x" * 200)
    who = {"id": 7, "first_name": "@everyone /stop " * 20, "last_name": None}

    answer = press(site, f"ack:{case.token}", who=who)

    assert answer.json is not None
    assert 1 <= len(answer.json["text"]) <= 200


def test_a_telegram_that_cannot_be_told_changes_nothing(
    site: Browser, case: Case, receiver: Receiver
) -> None:
    receiver.status, receiver.text = 403, '{"ok": false, "description": "Forbidden"}'

    assert press(site, f"ack:{case.token}").status_code == 200
    assert case.acknowledged_by == "Telegram: Anna Weiss"


@pytest.mark.parametrize("text", ["/id", "/start", "/id@earlywatch_bot", " /id please"])
def test_who_asks_is_told_the_id_of_the_chat(text: str, site: Browser) -> None:
    answer = update(site, message={"message_id": 1, "chat": PRIVATE, "text": text})

    assert answer.json == {
        "method": "sendMessage",
        "chat_id": 7,
        "text": "The chat id is <code>7</code>.\n"
        "Add a Telegram channel with it, and alerts come here.",
        "parse_mode": "HTML",
    }


def test_in_a_topic_the_topic_is_told_too(site: Browser) -> None:
    message = {"chat": GROUP, "text": "/id", "message_thread_id": 9, "is_topic_message": True}

    answer = update(site, message={"message_id": 1, **message})

    assert answer.json is not None
    assert answer.json["message_thread_id"] == 9
    assert "<code>-1001</code>.\nThe topic is <code>9</code>." in answer.json["text"]


def test_a_channel_is_told_its_id(site: Browser) -> None:
    channel = {"id": -1002, "type": "channel"}

    answer = update(site, channel_post={"message_id": 1, "chat": channel, "text": "/id"})

    assert answer.json is not None
    assert answer.json["chat_id"] == -1002


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"message": {"message_id": 1, "chat": PRIVATE, "text": "hello"}},
        {"message": {"message_id": 1, "chat": PRIVATE, "text": " "}},
        {"message": {"message_id": 1, "chat": PRIVATE}},
        {"message": 7},
        {"callback_query": {"id": "1", "game_short_name": "x"}},
        {"my_chat_member": {}},
    ],
)
def test_what_is_not_for_us_is_taken_in_silence(what: dict[str, Any], site: Browser) -> None:
    answer = update(site, **what)

    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 50_000])
def test_what_is_no_update_does_not_come_again(body: bytes, site: Browser) -> None:
    secret = site.application.extensions[EXTENSION].links.telegram_secret()

    assert call(site, body, secret).status_code == 200


@pytest.mark.parametrize("secret", [None, "", "wrong", "ü"])
def test_a_call_without_the_secret_is_refused(
    secret: str | None, site: Browser, case: Case
) -> None:
    query = {"id": "1", "from": PERSON, "data": f"ack:{case.token}"}

    answer = call(site, json.dumps({"callback_query": query}).encode(), secret)

    assert answer.status_code == 400
    assert case.acknowledged_by is None
    assert case.refused == [("telegram", "wrong signature", 1)]


def test_the_secret_is_one_that_telegram_takes(app: Flask) -> None:
    # https://core.telegram.org/bots/api#setwebhook
    secret = app.extensions[EXTENSION].links.telegram_secret()

    assert 16 <= len(secret) <= 256
    assert secret.isascii()
    assert secret.isalnum()


def test_without_a_bot_there_is_no_such_page(client: Browser) -> None:
    assert call(client, b"{}", "x").status_code == 404
