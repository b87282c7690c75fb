"""Alerts to incident.io, through an HTTP alert source."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels import systems
from earlywatch.channels.posts import accepted, checked_url, masked_url, posting
from earlywatch.channels.registry import Doors, Field, InvalidChannel, channel
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, Event

GONE = {401, 404, 410}
LONGEST_TOKEN = 500
LONGEST_TITLE, LONGEST_DESCRIPTION = 250, 10_000  # characters
MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")  # the description is Markdown

Message = dict[str, Any]


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of an alert source. Raises InvalidChannel."""
    url = checked_url("url", raw.get("url", ""), doors)
    token = raw.get("token", "").strip().removeprefix("Bearer ").strip()
    if len(urlsplit(url).path) < 2:
        raise InvalidChannel("url", "The address stops after the host. Paste all of it.")
    if not token or len(token) > LONGEST_TOKEN or not re.fullmatch(r"[!-~]+", token):
        raise InvalidChannel("token", "Paste the token that incident.io shows, nothing else.")
    return {"url": url, "token": token}


def summary(config: dict[str, Any]) -> str:
    """Return host and last characters: enough to recognise the source."""
    return masked_url(config["url"])


@channel(
    "incident_io",
    label="incident.io",
    proof="link",
    fields=(
        Field("url", "Address of the alert source", "url"),
        Field("token", "Token", "text", secret=True),
    ),
    check=check,
    summary=summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send the events that make up the alert; return the last answer. Raises ChannelError."""
    headers = {"Authorization": f"Bearer {config['token']}"}
    said = ""
    for event in payload(alert):
        with posting():
            answer = doors.http.post(config["url"], json=event, headers=headers)
        said = accepted(answer, "incident.io", gone=answer.status in GONE)
    return said


def payload(alert: Alert) -> list[Message]:
    """Return the events. What is no trouble, or not any more, is closed in the same breath.

    https://docs.incident.io/api-reference/alert-events-v2/create-http
    """
    event = _event(alert)
    if alert.event is Event.RESOLVE:
        return [{**event, "status": "resolved"}]
    if alert.event is Event.INFO or alert.is_over:
        return [event, {**event, "status": "resolved"}]
    return [event]


def _event(alert: Alert) -> Message:
    links = systems.links(alert)
    pressed = [f"[{words}]({url})" for words, url in links]
    said = "\n\n".join(_escaped(line) for line in systems.lines(alert))
    event: Message = {
        "status": "firing",
        "deduplication_key": systems.key_of(alert),
        "title": systems.title(alert, LONGEST_TITLE),
        "description": "\n\n".join([*pressed, said])[:LONGEST_DESCRIPTION],
        "metadata": _metadata(alert),
    }
    return {**event, "source_url": links[0][1]} if links else event


def _metadata(alert: Alert) -> Message:
    about: Message = {"kind": alert.kind.value, "severity": _severity(alert)}
    if alert.trouble is None:
        return about
    longest = alert_words.LONGEST_NAME
    return {
        **about,
        "monitor": systems.safe(alert_words.one_line(alert.trouble.monitor_name, longest)),
        "workspace": systems.safe(alert_words.one_line(alert.workspace_name, longest)),
        "cause": alert.trouble.cause.value,
        "opened_at": alert.trouble.opened_at.isoformat(),
    }


def _severity(alert: Alert) -> str:
    if alert.event is Event.INFO or alert.is_over:
        return "info"
    return "critical" if alert.urgent else "error"


def _escaped(text: str) -> str:
    return MARKUP.sub(r"\\\1", text)
