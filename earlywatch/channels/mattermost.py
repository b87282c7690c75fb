"""Alerts to Mattermost, through one of its incoming webhooks."""

import re
from collections.abc import Mapping
from typing import Any

from earlywatch.channels import hooks
from earlywatch.channels.look import Look, look
from earlywatch.channels.posts import accepted
from earlywatch.channels.registry import Doors, channel
from earlywatch.channels.systems import safe
from earlywatch.channels.text import NO_BREAK, fitting, html_escaped
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

LONGEST_CARD = 5000  # characters in fields; servers of some years ago take 8,000 in all

# Mattermost's word for a webhook that was deleted.
# https://github.com/mattermost/mattermost/blob/master/server/channels/app/webhook.go
GONE = "web.incoming_webhook.invalid.app_error"
COLOURS = {
    Look.UP: "#1a7f37",
    Look.LATE: "#b35900",
    Look.FAILED: "#c62828",
    Look.NEUTRAL: "#57606a",
}

# What Mattermost reads as markup in a line, and at the start of one.
# https://docs.mattermost.com/end-user-guide/collaborate/format-messages.html
MARKUP = re.compile(r"[\\`*_~#|\[\]]")
MARKUP_START = re.compile(r"[-+=]|\d+[.)]")


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    return {hooks.NAME: hooks.checked_url(raw.get(hooks.NAME, ""), doors)}


@channel(
    "mattermost",
    label="Mattermost",
    proof="link",
    fields=(hooks.FIELD,),
    check=check,
    summary=hooks.summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one message; return Mattermost's answer. Raises ChannelError."""
    answer = hooks.post(config[hooks.NAME], payload(alert), alert, doors)
    gone = answer.status in {404, 410} or fields(answer).get("id") == GONE
    return accepted(answer, "Mattermost", gone=gone)


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message: the fact, and an attachment with the rest. It pings nobody.

    https://developers.mattermost.com/integrate/reference/message-attachments/
    """
    said = [escaped(alert_words.opening(alert))]
    if action := alert_words.action(alert):
        said.append(f"[{action[0]}]({action[1]})")
    card: dict[str, Any] = {
        "fallback": safe(alert_words.brief(alert)),
        "color": COLOURS[look(alert)],
        "text": "\n\n".join(said),
        "fields": [
            {"title": escaped(word), "value": escaped(value), "short": len(value) < 40}
            for word, value in fitting(alert_words.rows(alert), LONGEST_CARD, _size)
        ],
    }
    if link := alert_words.link(alert):
        card["title"], card["title_link"] = link
    return {"text": f"**{escaped(alert_words.subject(alert))}**", "attachments": [card]}


def _size(row: alert_words.Row) -> int:
    return sum(len(escaped(text)) for text in row)


def escaped(text: str) -> str:
    """Return `text` as Mattermost shows it literally.

    It takes Slack's markup too, such as <!channel>, and that before it looks for backslashes.
    """
    start = NO_BREAK if MARKUP_START.match(text) else ""
    return start + MARKUP.sub(r"\\\g<0>", html_escaped(text))
