"""Alerts to phones and desktops through ntfy, on ntfy.sh or a server of one's own."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels.look import Look, look
from earlywatch.channels.posts import accepted, checked_url, posting
from earlywatch.channels.registry import Doors, Field, InvalidChannel, Pace, channel
from earlywatch.channels.text import defused
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, Event

USUAL_SERVER = "https://ntfy.sh"
TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
TOKEN = re.compile(r"[!-~]{1,200}")

# ntfy's codes for a topic that is not to be had, and for a token that does not open it.
# https://github.com/binwiederhier/ntfy/blob/main/server/errors.go
GONE = {40009, 40010, 40101, 40301}
# https://docs.ntfy.sh/publish/#limitations; a title is shown in one line anyway
LONGEST_MESSAGE, LONGEST_TITLE = 4096, 250  # bytes
URGENT, HIGH, USUAL = 5, 4, 3  # https://docs.ntfy.sh/publish/#message-priority
TAGS = {
    Look.UP: "white_check_mark",
    Look.LATE: "hourglass",
    Look.FAILED: "x",
    Look.NEUTRAL: "information_source",
}


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a topic. Raises InvalidChannel."""
    server = raw.get("server", "").strip() or USUAL_SERVER
    topic, token = raw.get("topic", "").strip(), raw.get("token", "").strip()
    parts = urlsplit(checked_url("server", server, doors))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidChannel("server", "Write the server alone: the topic has its own field.")
    if not TOPIC.fullmatch(topic):
        raise InvalidChannel(
            "topic", "A topic has 1 to 64 letters, digits, dashes and underscores."
        )
    if token and not TOKEN.fullmatch(token):
        raise InvalidChannel("token", "Paste the whole access token, nothing else.")
    return {"server": f"{parts.scheme}://{parts.netloc}", "topic": topic, "token": token}


def summary(config: dict[str, Any]) -> str:
    """Return server and end of the topic: who knows all of it can read along."""
    return f"{urlsplit(config['server']).hostname}/…{config['topic'][-4:]}"


@channel(
    "ntfy",
    label="ntfy",
    proof="link",
    fields=(
        Field("server", "Server", "url", default=USUAL_SERVER),
        Field("topic", "Topic", "text"),
        Field("token", "Access token", "text", optional=True, secret=True, target=False),
    ),
    check=check,
    summary=summary,
    pace=Pace(60, 300),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Publish one message; return ntfy's answer. Raises ChannelError."""
    headers = {"Idempotency-Key": alert.id}
    if config["token"]:
        headers["Authorization"] = f"Bearer {config['token']}"
    message = {"topic": config["topic"], **payload(alert)}
    with posting():
        answer = doors.http.post(f"{config['server']}/", json=message, headers=headers)
    gone = answer.status == 410 or fields(answer).get("code") in GONE
    return accepted(answer, "ntfy", gone=gone)


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message, without its topic. https://docs.ntfy.sh/publish/#publish-as-json"""
    link, action = alert_words.link(alert), alert_words.action(alert)
    rows = [f"{word}: {value}" for word, value in alert_words.rows(alert)]
    said = "\n".join([alert_words.opening(alert), *rows])
    message: dict[str, Any] = {
        "title": _cut(defused(alert_words.subject(alert)), LONGEST_TITLE),
        "message": _cut(defused(said), LONGEST_MESSAGE),
        "priority": _priority(alert),
        "tags": [TAGS[look(alert)]],
        "actions": [
            {"action": "view", "label": words, "url": url}
            for words, url in filter(None, (link, action))
        ],
    }
    if link:
        message["click"] = link[1]
    return message


def _priority(alert: Alert) -> int:
    if alert.event is not Event.TRIGGER or alert.is_over:
        return USUAL
    return URGENT if alert.urgent else HIGH


def _cut(text: str, longest: int) -> str:
    """Return `text` in at most `longest` bytes, with no character halved."""
    encoded = text.encode()
    if len(encoded) <= longest:
        return text
    return encoded[: longest - len("…".encode())].decode(errors="ignore") + "…"
