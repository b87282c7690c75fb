"""Alerts to Slack, or anything that takes the posts of a Slack incoming webhook."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel, channel
from earlywatch.channels.text import defused, slack_escaped
from earlywatch.clients.http import Answer, Unreachable
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

# Slack's words for a webhook that will never work again.
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
GONE = {
    "no_service",
    "no_active_hooks",
    "no_team",
    "team_disabled",
    "invalid_token",
    "channel_is_archived",
    "channel_not_found",
    "action_prohibited",
    "posting_to_general_channel_denied",
}
LONGEST_URL = 2000


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    url = raw.get("webhook_url", "").strip()
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise InvalidChannel("webhook_url", "Paste the whole address of the webhook, nothing else.")
    try:
        doors.http.check_target(url)
    except Unreachable as error:
        raise InvalidChannel("webhook_url", str(error)) from error
    if len(urlsplit(url).path) < 2:
        raise InvalidChannel("webhook_url", "The address stops after the host. Paste all of it.")
    return {"webhook_url": url}


def summary(config: dict[str, Any]) -> str:
    """Return host and last characters: enough to recognise the secret, too little to use it."""
    parts = urlsplit(config["webhook_url"])
    return f"{parts.hostname}/…/…{parts.path.rstrip('/')[-4:]}"


@channel(
    "slack",
    label="Slack",
    proof="link",
    fields=(Field("webhook_url", "Webhook URL", "url"),),
    check=check,
    summary=summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one message; return Slack's answer. Raises ChannelError."""
    try:
        answer = doors.http.post(
            config["webhook_url"], json=payload(alert), headers={"Idempotency-Key": alert.id}
        )
    except Unreachable as error:
        raise ChannelError(
            str(error), permanent=error.permanent, timed_out=error.timed_out
        ) from error
    if 200 <= answer.status < 300:
        return _line(answer)
    said = answer.text.strip()
    raise ChannelError(
        f"Slack answered {_line(answer)}.",
        permanent=answer.status in {404, 410} or said in GONE,
        retry_after=answer.retry_after,
    )


def payload(alert: Alert) -> dict[str, Any]:
    """Return the message: blocks, and a text for notifications and for programs without blocks.

    What people typed stands in `plain_text`, where Slack looks for no markup.
    """
    link = alert_words.link(alert)
    linked = f"<{slack_escaped(link[1])}|{link[0]}>" if link else ""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(alert_words.subject(alert)[:150])},
        {"type": "section", "text": _plain(alert_words.opening(alert))},
    ]
    if rows := alert_words.rows(alert):
        blocks.append({"type": "section", "fields": _fields(rows)})
    if linked:
        blocks.append({"type": "section", "text": _markup(linked)})
    text = slack_escaped(defused(alert_words.brief(alert)))
    return {
        "text": f"{text} {linked}".rstrip(),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _fields(rows: list[alert_words.Row]) -> list[dict[str, Any]]:
    # Pairs stand side by side; Slack takes ten fields at most.
    return [field for word, value in rows[:5] for field in (_markup(f"*{word}*"), _plain(value))]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": defused(text), "emoji": False}


def _markup(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _line(answer: Answer) -> str:
    return alert_words.one_line(f"{answer.status} {answer.text}", 200)
