"""Alerts to PagerDuty, through its Events API v2."""

import re
from collections.abc import Mapping
from typing import Any

from earlywatch.channels import systems
from earlywatch.channels.posts import accepted, posting
from earlywatch.channels.registry import Doors, Field, InvalidChannel, Pace, channel
from earlywatch.clients.http import Answer
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind, Event

# https://developer.pagerduty.com/docs/events-api-v2-overview
BASES = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
REGIONS = (("us", "United States"), ("eu", "European Union"))
KEY = re.compile(r"[0-9a-zA-Z]{32}")
WRONG_KEY = re.compile(r"routing.?key", re.IGNORECASE)  # among the reasons for a 400
LONGEST_SUMMARY = 1024  # characters

Message = dict[str, Any]


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of an integration. Raises InvalidChannel."""
    key, region = raw.get("routing_key", "").strip(), raw.get("region", "us")
    if not KEY.fullmatch(key):
        raise InvalidChannel("routing_key", "An integration key has 32 letters and digits.")
    if region not in BASES:
        raise InvalidChannel("region", "Choose one of the regions.")
    return {"routing_key": key, "region": region}


def summary(config: dict[str, Any]) -> str:
    """Return the end of the key: enough to recognise it, too little to use it."""
    return f"PagerDuty …{config['routing_key'][-4:]}"


@channel(
    "pagerduty",
    label="PagerDuty",
    proof="link",
    fields=(
        Field("routing_key", "Integration key", "text", secret=True),
        Field("region", "Service region", "select", default="us", choices=REGIONS),
    ),
    check=check,
    summary=summary,
    pace=Pace(120, 60),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send the events that make up the alert; return the last answer. Raises ChannelError."""
    base = doors.base("pagerduty", BASES[config["region"]])
    said = ""
    for event in payload(alert):
        body = {"routing_key": config["routing_key"], **event}
        with posting():
            answer = doors.http.post(f"{base}/v2/enqueue", json=body, trusted=True)
        said = accepted(answer, "PagerDuty", gone=_is_wrong_key(answer))
    return said


def payload(alert: Alert) -> list[Message]:
    """Return the events, without the key they go to.

    What is no trouble, or not any more, is closed in the same breath, so that nobody is called.
    """
    key = systems.key_of(alert)
    ended = {"event_action": "resolve", "dedup_key": key}
    if alert.event is Event.RESOLVE:
        return [ended]
    trigger = _trigger(alert, key)
    if alert.event is Event.INFO or alert.is_over:
        return [trigger, ended]
    if alert.trouble and alert.trouble.acknowledged_by:
        return [trigger, {"event_action": "acknowledge", "dedup_key": key}]
    return [trigger]


def _trigger(alert: Alert, key: str) -> Message:
    links = systems.links(alert)
    event: Message = {
        "event_action": "trigger",
        "dedup_key": key,
        "client": "Earlywatch",
        "payload": _about(alert),
        "links": [{"href": url, "text": words} for words, url in links],
    }
    return {**event, "client_url": links[0][1]} if links else event


def _about(alert: Alert) -> Message:
    about: Message = {
        "summary": _summary(alert),
        "source": "Earlywatch",
        "severity": _severity(alert),
        "custom_details": _details(alert),
    }
    if alert.trouble is None:
        return about
    source = alert_words.one_line(alert.trouble.monitor_name, alert_words.LONGEST_NAME)
    workspace = alert_words.one_line(alert.workspace_name, alert_words.LONGEST_NAME)
    return {
        **about,
        "source": systems.safe(source) or "A monitor",
        "group": systems.safe(workspace),
        "class": alert.trouble.cause.value,
        "timestamp": alert.trouble.opened_at.isoformat(),
    }


def _summary(alert: Alert) -> str:
    link = alert_words.link(alert)
    if alert.kind not in {AlertKind.CONFIRM, AlertKind.DRILL} or link is None:
        return systems.title(alert, LONGEST_SUMMARY)
    # The answer is a press on the link: it must not be looked for.
    return f"{systems.title(alert, LONGEST_SUMMARY - len(link[1]) - 2)}: {link[1]}"


def _severity(alert: Alert) -> str:
    if alert.event is Event.INFO or alert.is_over:
        return "info"
    return "critical" if alert.urgent else "error"


def _details(alert: Alert) -> Message:
    opening, *rows = systems.lines(alert)
    return {"what": opening, **({"details": rows} if rows else {})}


def _is_wrong_key(answer: Answer) -> bool:
    said = fields(answer)
    errors = said.get("errors")
    reasons = [said.get("message"), *(errors if isinstance(errors, list) else ())]
    return answer.status == 400 and any(WRONG_KEY.search(str(each)) for each in reasons)
