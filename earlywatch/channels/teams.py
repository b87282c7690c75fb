"""Alerts to Microsoft Teams: a card, posted to a workflow of Power Automate."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from earlywatch.channels import hooks, posts
from earlywatch.channels.look import Look, look
from earlywatch.channels.registry import Doors, Field, InvalidChannel, Pace, channel
from earlywatch.channels.text import card_literal, fitting
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

RETIRED = ("webhook.office.com", "outlook.office.com")
OF_CONNECTOR = (
    "That is the address of an Office 365 connector, which Microsoft has retired."
    " Make a workflow as described above, and paste its address."
)
WORKFLOWS = ("logic.azure.com", "api.powerplatform.com")
UNSIGNED = (
    "The address has no sig= in it: the workflow takes requests from your organisation alone."
    " In its trigger, let anyone trigger the flow, save it, and copy the address again."
)
# Power Automate's words for a workflow that was deleted.
GONE = {"WorkflowNotFound", "WorkflowTriggerNotFound"}
# Bytes; a message may have 28 kB.
# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
ROOM = 20_000
BYTES_OF_A_ROW = 250  # what stands around its words
STYLES = {
    Look.UP: "good",
    Look.LATE: "warning",
    Look.FAILED: "attention",
    Look.NEUTRAL: "emphasis",
}


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a workflow. Raises InvalidChannel."""
    url = hooks.checked_url(raw.get(hooks.NAME, ""), doors)
    host = urlsplit(url).hostname or ""
    if _is_within(host, RETIRED):
        raise InvalidChannel(hooks.NAME, OF_CONNECTOR)
    if _is_within(host, WORKFLOWS) and "sig" not in parse_qs(urlsplit(url).query):
        raise InvalidChannel(hooks.NAME, UNSIGNED)
    return {hooks.NAME: url}


@channel(
    "teams",
    label="Microsoft Teams",
    proof="link",
    fields=(Field(hooks.NAME, "Workflow URL", "url"),),
    check=check,
    summary=hooks.summary,
    pace=Pace(4, 1),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one card; return the workflow's answer, usually "202". Raises ChannelError."""
    answer = hooks.post(config[hooks.NAME], payload(alert), alert, doors)
    if 200 <= answer.status < 300:
        return posts.line(answer)
    error = fields(answer).get("error")
    said = error if isinstance(error, dict) else {}
    permanent = answer.status in {404, 410} or said.get("code") in GONE
    words = f"{said['code']}: {said.get('message', '')}" if "code" in said else ""
    raise hooks.refusal("Microsoft Teams", answer, permanent=permanent, words=words)


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message: an Adaptive Card, which is all that workflows take.

    What people typed stands in text runs, which know no markup. Only `msteams.entities`, which
    it does not have, would make a mention.
    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
    """
    rows = fitting(alert_words.rows(alert), ROOM, _size)
    head = {
        "type": "Container",
        "style": STYLES[look(alert)],
        "bleed": True,
        "items": [_line(_run(alert_words.subject(alert), size="Large", weight="Bolder"))],
    }
    facts = [_line(_run(f"{word}: ", weight="Bolder"), _run(value)) for word, value in rows]
    presses = [each for each in (alert_words.link(alert), alert_words.action(alert)) if each]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": card_literal(alert_words.brief(alert)),
        "body": [head, _line(_run(alert_words.opening(alert))), *facts],
        "actions": [
            {"type": "Action.OpenUrl", "title": card_literal(words), "url": url}
            for words, url in presses
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _line(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **looks: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": card_literal(text), **looks}


def _size(row: alert_words.Row) -> int:
    return BYTES_OF_A_ROW + sum(len(json.dumps(card_literal(text))) for text in row)


def _is_within(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
