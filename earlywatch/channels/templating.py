"""What a webhook says: a JSON document, or a text of its owner's with placeholders."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escaped

from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind

LONGEST_VALUE = 1000  # characters

Escape = Callable[[str], str]

# In the order of the list in templates/channels/_placeholders.html, which says what each is.
PLACEHOLDERS = (
    "event",
    "subject",
    "message",
    "monitor",
    "cause",
    "url",
    "act_url",
    "id",
    "incident_id",
    "incident_key",
    "workspace",
    "channel",
    "urgent",
    "number",
    "sent_at",
    "opened_at",
    "resolved_at",
    "expected_at",
    "last_ping_at",
    "exit_status",
    "schedule",
    "output",
    "hint",
    "monitors",
)


def document(alert: Alert) -> dict[str, Any]:
    """Return all there is to say of `alert`; moments are ISO 8601 in UTC.

    A confirmation says nothing that its sender typed: it goes to somebody who may not
    know them.
    """
    confirms = alert.kind is AlertKind.CONFIRM
    link, action = alert_words.link(alert), alert_words.action(alert)
    return {
        "id": alert.id,
        "event": alert.kind.value,
        "sent_at": _moment(alert.sent_at),
        "subject": alert_words.subject(alert),
        "message": alert_words.brief(alert),
        "details": [{"name": word, "value": value} for word, value in alert_words.rows(alert)],
        "url": link[1] if link else None,
        "act_url": action[1] if action else None,
        "workspace": None if confirms else _line(alert.workspace_name),
        "channel": None if confirms else _line(alert.channel_name),
        "urgent": alert.urgent,
        "number": alert.number,
        "is_over": alert.is_over,
        "incident": _incident(alert),
        "monitors": _monitors(alert),
        "shared": _line(alert.shared),
    }


def values(alert: Alert) -> dict[str, str]:
    """Return what each placeholder stands for; empty where there is nothing to say."""
    told = document(alert)
    incident = told["incident"] or {}
    known = {**told, **incident, "incident_id": incident.get("id"), "id": told["id"]}
    known["incident_key"] = incident.get("key")
    known["monitors"] = ", ".join(each["monitor"] for each in told["monitors"])
    return {name: _text(known.get(name)) for name in PLACEHOLDERS}


def escape_for(content_type: str) -> Escape:
    """Return what keeps a value inside its place in a body of this type."""
    kind = content_type.lower()
    if "json" in kind:
        return in_json
    if "x-www-form-urlencoded" in kind:
        return quote_plus
    if "xml" in kind or "html" in kind:
        return lambda value: xml_escaped(value, {'"': "&quot;", "'": "&#39;"})
    return str


def in_json(value: str) -> str:
    """Return `value` as it stands between the quotes of a JSON string."""
    return json.dumps(value)[1:-1]


def in_url(value: str) -> str:
    """Return `value` as it stands in a path or a query."""
    return quote(value, safe="")


def _incident(alert: Alert) -> dict[str, Any] | None:
    trouble = alert.trouble
    if trouble is None:
        return None
    return {
        "id": trouble.incident_id,
        "key": alert.incident_key,
        "url": trouble.url,
        "monitor": _line(trouble.monitor_name),
        "cause": trouble.cause.value,
        "schedule": _line(trouble.schedule_words),
        "time_zone": trouble.time_zone,
        "grace": trouble.grace_words or None,
        "opened_at": _moment(trouble.opened_at),
        "resolved_at": _moment(trouble.resolved_at),
        "expected_at": _moment(trouble.expected_at),
        "last_ping_at": _moment(trouble.last_ping_at),
        "exit_status": trouble.exit_status,
        "output": _line(trouble.output) or None,
        "hint": _line(trouble.hint) or None,
        "also": [_line(name) for name in trouble.also],
        "acknowledged_by": _line(trouble.acknowledged_by or "") or None,
    }


def _monitors(alert: Alert) -> list[dict[str, Any]]:
    """Return all that one message tells of."""
    trouble = alert.trouble
    told = alert.folded or ((trouble,) if trouble else ())
    return [
        {
            "monitor": _line(each.monitor_name),
            "cause": each.cause.value,
            "opened_at": _moment(each.opened_at),
            "resolved_at": _moment(each.resolved_at),
            "url": each.url,
        }
        for each in told
    ]


def _line(text: str) -> str:
    return alert_words.one_line(text, LONGEST_VALUE)


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else _line(str(value))
