"""Alerts to Google Chat, posted to a webhook of a space."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from earlywatch.channels import hooks
from earlywatch.channels.look import Look, look
from earlywatch.channels.registry import Doors, InvalidChannel, Pace, channel
from earlywatch.channels.text import chat_literal, fitting, html_escaped, is_harmless
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

PATH = re.compile(r"/v1/spaces/[^/]+/messages")
NO_WEBHOOK = (
    "That is not the address of a Google Chat webhook. One looks like"
    " https://chat.googleapis.com/v1/spaces/AAAA/messages?key=…&token=…"
)
# Bytes; a message may have 32,000.
# https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
ROOM = 20_000
BYTES_OF_A_ROW = 120  # what stands around its words
# Of middling brightness, since the ground may be white or black.
COLOURS = {Look.UP: "#1e8e5a", Look.LATE: "#d9580d", Look.FAILED: "#e0315c"}


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    url = hooks.checked_url(raw.get(hooks.NAME, ""), doors)
    parts = urlsplit(url)
    if not PATH.fullmatch(parts.path) or "token" not in parse_qs(parts.query):
        raise InvalidChannel(hooks.NAME, NO_WEBHOOK)
    return {hooks.NAME: url}


@channel(
    "google_chat",
    label="Google Chat",
    proof="link",
    fields=(hooks.FIELD,),
    check=check,
    summary=hooks.summary,
    pace=Pace(1, 1),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one message; return what Google Chat says of it. Raises ChannelError."""
    answer = hooks.post(config[hooks.NAME], payload(alert), alert, doors)
    said = fields(answer)
    if 200 <= answer.status < 300:
        return alert_words.one_line(f"{answer.status} {said.get('name', 'taken')}", 200)
    error = said.get("error")
    words = str(error.get("message", "")) if isinstance(error, dict) else ""
    raise hooks.refusal("Google Chat", answer, permanent=answer.status in {404, 410}, words=words)


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message: a card, and a text for notifications. There is no thread: whoever does
    not follow one is not told of what is posted there.

    https://developers.google.com/workspace/chat/api/reference/rest/v1/cards
    """
    widgets: list[dict[str, Any]] = [
        _paragraph(_coloured(alert)),
        _paragraph(html_escaped(alert_words.opening(alert))),
    ]
    widgets += [_fact(*row) for row in fitting(alert_words.rows(alert), ROOM, _size)]
    presses = [each for each in (alert_words.link(alert), alert_words.action(alert)) if each]
    if presses:
        buttons = [_button(words, url) for words, url in presses]
        widgets.append({"buttonList": {"buttons": buttons}})
    return {
        "fallbackText": chat_literal(alert_words.brief(alert)),
        "cardsV2": [{"cardId": alert.id, "card": {"sections": [{"widgets": widgets}]}}],
    }


def _fact(word: str, value: str) -> dict[str, Any]:
    """Return a row; a label knows no markup, so that nothing could be escaped in it."""
    if not is_harmless(word):
        return _paragraph(f"<b>{html_escaped(word)}</b>: {html_escaped(value)}")
    return {"decoratedText": {"topLabel": word, "text": html_escaped(value), "wrapText": True}}


def _coloured(alert: Alert) -> str:
    said, colour = f"<b>{html_escaped(alert_words.subject(alert))}</b>", COLOURS.get(look(alert))
    return f'<font color="{colour}">{said}</font>' if colour else said


def _paragraph(text: str) -> dict[str, Any]:
    return {"textParagraph": {"text": text}}


def _button(words: str, url: str) -> dict[str, Any]:
    return {"text": words, "onClick": {"openLink": {"url": url}}}


def _size(row: alert_words.Row) -> int:
    return BYTES_OF_A_ROW + sum(len(json.dumps(html_escaped(text))) for text in row)
