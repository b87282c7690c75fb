"""Alerts to Telegram, sent by the bot of this installation."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels.registry import (
    ChannelError,
    Doors,
    Field,
    InvalidChannel,
    Pace,
    channel,
)
from earlywatch.channels.text import fitting, html_escaped, telegram_literal
from earlywatch.clients.telegram import USUAL_BASE, Telegram, TelegramError
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

NUMBER = re.compile(r"-?[1-9][0-9]{0,15}")
NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")
TOPIC = re.compile(r"[1-9][0-9]{0,9}")
NO_CHAT = "Write the number that the bot answers to /id, such as -1001234567890, or @channelname."
LONGEST_TEXT = 4000  # of 4096, counted as Telegram does: in UTF-16, without markup
MOST_DATA = 64  # bytes that a button carries; with more in one, the whole message is refused
ACKNOWLEDGE, SNOOZE = "ack", "snooze1h"  # what buttons say to us, before the token


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of a chat. Raises InvalidChannel."""
    chat_id, topic = raw.get("chat_id", "").strip(), raw.get("topic_id", "").strip()
    if not (NUMBER.fullmatch(chat_id) or NAME.fullmatch(chat_id)):
        raise InvalidChannel("chat_id", NO_CHAT)
    if topic and not TOPIC.fullmatch(topic):
        raise InvalidChannel("topic_id", "A topic is a number. Leave it empty if there is none.")
    return {"chat_id": chat_id, "topic_id": topic}


def summary(config: dict[str, Any]) -> str:
    """Return the chat."""
    chat, topic = config["chat_id"], config.get("topic_id")
    return f"chat {chat}, topic {topic}" if topic else f"chat {chat}"


@channel(
    "telegram",
    label="Telegram",
    proof="link",
    fields=(
        Field("chat_id", "Chat", "text"),
        Field("topic_id", "Topic", "text", optional=True),
    ),
    check=check,
    summary=summary,
    available=lambda doors: doors.telegram_token is not None,
    needs=("TELEGRAM_BOT_TOKEN",),
    pace=Pace(20, 60),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send one message; return what Telegram says of it. Raises ChannelError.

    A group that became a supergroup is followed to its new id: the same people are there.
    """
    try:
        return _send(bot(doors), _place(config), payload(alert))
    except TelegramError as error:
        raise ChannelError(
            str(error),
            permanent=error.permanent,
            retry_after=error.retry_after,
            timed_out=error.timed_out,
        ) from error


def bot(doors: Doors) -> Telegram:
    """Return the bot of this installation. Raises TelegramError if it has none."""
    if doors.telegram_token is None:
        raise TelegramError("Telegram is not set up on this installation.")
    return Telegram(doors.http, doors.telegram_token, doors.base("telegram", USUAL_BASE))


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message without its place. https://core.telegram.org/bots/api#sendmessage"""
    presses = [each for each in (alert_words.link(alert), alert_words.action(alert)) if each]
    as_buttons = [each for each in presses if _can_be_button(each[1])]
    as_text = [escape(": ".join(each)) for each in presses if each not in as_buttons]
    subject, opening = alert_words.subject(alert), alert_words.opening(alert)
    room = LONGEST_TEXT - _length("\n".join([telegram_literal(subject + opening), *as_text]))
    facts = [
        f"<b>{_markup(word)}</b>: {_markup(value)}"
        for word, value in fitting(alert_words.rows(alert), room, _size)
    ]
    lines = [f"<b>{_markup(subject)}</b>", _markup(opening), *([""] * bool(facts)), *facts]
    keyboard = _keyboard(alert, as_buttons)
    return {
        "text": "\n".join([*lines, *as_text]),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        **({"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {}),
    }


def _send(bot: Telegram, place: dict[str, Any], message: dict[str, Any]) -> str:
    try:
        return f"200 {_named(bot.call('sendMessage', **place, **message))}"
    except TelegramError as error:
        if error.moved_to is None:
            raise
        sent = bot.call("sendMessage", chat_id=error.moved_to, **message)
        return f"200 {_named(sent)}. {error} Put it into the channel's settings."


def _keyboard(alert: Alert, links: list[tuple[str, str]]) -> list[list[dict[str, str]]]:
    names = {ACKNOWLEDGE: "Acknowledge", SNOOZE: "Snooze 1 h"}
    carried = {name: f"{name}:{alert.act_token}" for name in names if alert.act_token}
    row = [
        {"text": names[name], "callback_data": data}
        for name, data in carried.items()
        if len(data) <= MOST_DATA
    ]
    return [*([row] if row else []), *[[{"text": words, "url": url}] for words, url in links]]


def _place(config: dict[str, Any]) -> dict[str, Any]:
    chat, topic = config["chat_id"], config.get("topic_id")
    place = {"chat_id": chat if chat.startswith("@") else int(chat)}
    return {**place, "message_thread_id": int(topic)} if topic else place


def _can_be_button(url: str) -> bool:
    """Telegram refuses the whole message for a button to a host without a dot."""
    return "." in (urlsplit(url).hostname or "")


def _markup(text: str) -> str:
    return html_escaped(telegram_literal(text))


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _size(row: alert_words.Row) -> int:
    return _length(telegram_literal(": ".join(row))) + 1


def _named(sent: object) -> str:
    number = sent.get("message_id") if isinstance(sent, dict) else None
    return f"message {number}" if isinstance(number, int) else "taken"
