"""Alerts to Opsgenie and Jira Service Management, through the Alert API that both have."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from earlywatch.channels import systems
from earlywatch.channels.posts import accepted, posting
from earlywatch.channels.registry import Doors, Field, InvalidChannel, channel
from earlywatch.clients.http import Answer
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind, Event

# https://docs.opsgenie.com/docs/alert-api
BASES = {
    "us": "https://api.opsgenie.com",
    "eu": "https://api.eu.opsgenie.com",
    "jsm": "https://api.atlassian.com/jsm/ops/integration",
}
REGIONS = (
    ("us", "Opsgenie, United States"),
    ("eu", "Opsgenie, European Union"),
    ("jsm", "Jira Service Management"),
)
KEY = re.compile(r"[0-9a-zA-Z-]{20,80}")
WRONG_KEY = re.compile(r"\bkey\b", re.IGNORECASE)  # in the message of a 422
LONGEST_MESSAGE, LONGEST_DESCRIPTION, LONGEST_NOTE = 130, 15_000, 25_000  # characters
LONGEST_ENTITY = 512
SOURCE = "Earlywatch"

Call = tuple[str, dict[str, Any]]  # a path, and what is posted there


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of an integration. Raises InvalidChannel."""
    key, region = raw.get("api_key", "").strip(), raw.get("region", "us")
    if not KEY.fullmatch(key):
        raise InvalidChannel("api_key", "Paste the whole API key: letters, digits and hyphens.")
    if region not in BASES:
        raise InvalidChannel("region", "Choose one of the regions.")
    return {"api_key": key, "region": region}


def summary(config: dict[str, Any]) -> str:
    """Return where the key is from, and its end: too little to use it."""
    return f"{dict(REGIONS)[config['region']]}, …{config['api_key'][-4:]}"


@channel(
    "opsgenie",
    label="Opsgenie",
    proof="link",
    fields=(
        Field("api_key", "API key", "text", secret=True),
        Field("region", "Where your account is", "select", default="us", choices=REGIONS),
    ),
    check=check,
    summary=summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Make the calls that make up the alert; return the last answer. Raises ChannelError."""
    base = doors.base("opsgenie", BASES[config["region"]])
    headers = {"Authorization": f"GenieKey {config['api_key']}"}
    said = ""
    for path, body in payload(alert):
        with posting():
            answer = doors.http.post(base + path, json=body, headers=headers, trusted=True)
        said = accepted(answer, "Opsgenie", gone=_is_wrong_key(answer))
    return said


def payload(alert: Alert) -> list[Call]:
    """Return the calls.

    What is no trouble, or not any more, is closed in the same breath. A reminder is a note; the
    alert is made as well, in case it is not there or was closed.
    """
    alias = systems.key_of(alert)
    ended = _call(alias, "close", alert)
    if alert.event is Event.RESOLVE:
        return [ended]
    made = ("/v2/alerts", _alert(alert, alias))
    if alert.event is Event.INFO or alert.is_over:
        return [made, ended]
    if alert.kind is AlertKind.REMINDER:
        return [made, _call(alias, "notes", alert)]
    return [made]


def _call(alias: str, what: str, alert: Alert) -> Call:
    note = "\n".join([systems.title(alert, LONGEST_MESSAGE), *systems.lines(alert)])
    path = f"/v2/alerts/{quote(alias)}/{what}?identifierType=alias"
    return path, {"source": SOURCE, "user": SOURCE, "note": note[:LONGEST_NOTE]}


def _alert(alert: Alert, alias: str) -> dict[str, Any]:
    links = systems.links(alert)
    # Where the links are must not depend on how much there is to say.
    pressed = "\n".join(f"{words}: {url}" for words, url in links)
    said = "\n".join(systems.lines(alert))[: LONGEST_DESCRIPTION - len(pressed) - 2]
    made: dict[str, Any] = {
        "message": systems.title(alert, LONGEST_MESSAGE),
        "alias": alias,
        "description": f"{said}\n\n{pressed}".rstrip(),
        "source": SOURCE,
        "priority": _priority(alert),
        "details": dict(links),
    }
    if alert.trouble is None:
        return made
    name = alert_words.one_line(alert.trouble.monitor_name, alert_words.LONGEST_NAME)
    return {
        **made,
        "entity": systems.safe(name)[:LONGEST_ENTITY],
        "tags": ["Earlywatch", alert.trouble.cause.value],
    }


def _priority(alert: Alert) -> str:
    if alert.event is Event.INFO or alert.is_over:
        return "P5"
    return "P1" if alert.urgent else "P3"


def _is_wrong_key(answer: Answer) -> bool:
    said = str(fields(answer).get("message", ""))
    return answer.status in {401, 403} or (answer.status == 422 and bool(WRONG_KEY.search(said)))
