"""Alerts to Discord, posted to a webhook of a channel."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from earlywatch.channels import hooks
from earlywatch.channels.look import Look, look
from earlywatch.channels.registry import Doors, InvalidChannel, Pace, channel
from earlywatch.channels.text import discord_escaped, fitting
from earlywatch.clients.http import LONGEST_WISH
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

PATH = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/([\w-]+)/?")
NO_WEBHOOK = (
    "That is not the address of a Discord webhook. One looks like"
    " https://discord.com/api/webhooks/123456/abcdef, with nothing after it."
)
# Discord's codes for a webhook that will never work again: it is unknown, or its secret is.
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
GONE = {10015, 50027}
# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
LONGEST_EMBED, MOST_FIELDS = 6000, 25  # characters of all texts together
COLOURS = {Look.UP: 0x0B6B4D, Look.LATE: 0xB23C00, Look.FAILED: 0xA8123F, Look.NEUTRAL: 0x5B6470}


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    url = hooks.checked_url(raw.get(hooks.NAME, ""), doors)
    if not PATH.fullmatch(urlsplit(url).path):
        raise InvalidChannel(hooks.NAME, NO_WEBHOOK)
    return {hooks.NAME: url}


@channel(
    "discord",
    label="Discord",
    proof="link",
    fields=(hooks.FIELD,),
    check=check,
    summary=hooks.summary,
    pace=Pace(5, 2),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one message; return what Discord says of it. Raises ChannelError."""
    answer = hooks.post(_waiting(config[hooks.NAME]), payload(alert), alert, doors)
    said = fields(answer)
    if 200 <= answer.status < 300:
        return alert_words.one_line(f"{answer.status} message {said.get('id', 'taken')}", 100)
    permanent = answer.status in {404, 410} or said.get("code") in GONE
    words = str(said.get("message", ""))
    raise hooks.refusal("Discord", answer, permanent=permanent, words=words, wish=_wish(said))


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message: the fact, and a card with the rest. It pings nobody, whatever it says.

    https://discord.com/developers/docs/resources/webhook#execute-webhook
    """
    said = [discord_escaped(alert_words.opening(alert))]
    if action := alert_words.action(alert):
        said.append(f"[{action[0]}]({action[1]})")
    card: dict[str, Any] = {"description": "\n".join(said), "color": COLOURS[look(alert)]}
    if link := alert_words.link(alert):
        card["title"], card["url"] = discord_escaped(link[0]), link[1]
    room = LONGEST_EMBED - len(card["description"]) - len(card.get("title", "")) - 50
    card["fields"] = [
        {"name": discord_escaped(word), "value": discord_escaped(value), "inline": False}
        for word, value in fitting(alert_words.rows(alert), room, _size, MOST_FIELDS)
    ]
    return {
        "content": discord_escaped(alert_words.subject(alert)),
        "embeds": [card],
        "allowed_mentions": {"parse": []},
    }


def _size(row: alert_words.Row) -> int:
    return sum(len(discord_escaped(text)) for text in row)


def _waiting(url: str) -> str:
    """Without `wait` Discord takes a message before it looks whether it can keep it."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name == "thread_id"]
    return parts._replace(query=urlencode([*kept, ("wait", "true")])).geturl()


def _wish(said: dict[str, Any]) -> timedelta | None:
    """Return how long Discord wants us to wait: finer than its header, which is in seconds."""
    seconds = said.get("retry_after")
    if not isinstance(seconds, int | float) or not seconds > 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WISH.total_seconds()))
