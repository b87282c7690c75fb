"""Alerts to Slack, or anything that takes the posts of a Slack incoming webhook."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels import hooks, posts
from earlywatch.channels.registry import Doors, Field, Pace, channel
from earlywatch.channels.text import defused, fitting, is_harmless, slack_escaped
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
LONGEST_HEADER = 150
HOST = "hooks.slack.com"
OWN_APP = "own_app"
ROOM, MOST_ROWS, ROWS_OF_A_BLOCK = 20_000, 40, 5  # a block takes ten fields: five pairs
ACKNOWLEDGE, SNOOZE = "acknowledge", "snooze_1h"  # what buttons say to us, beside the token


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    url = hooks.checked_url(raw.get(hooks.NAME, ""), doors)
    return {hooks.NAME: url, OWN_APP: raw.get(OWN_APP) == "on"}


@channel(
    "slack",
    label="Slack",
    proof="link",
    fields=(
        hooks.FIELD,
        Field(
            OWN_APP,
            "Made with the Slack app of this installation",
            "checkbox",
            optional=True,
            target=False,
        ),
    ),
    check=check,
    summary=hooks.summary,
    pace=Pace(1, 1),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Post one message; return Slack's answer. Raises ChannelError."""
    url = config[hooks.NAME]
    answer = hooks.post(url, payload(alert, buttons=has_buttons(config, doors)), alert, doors)
    if 200 <= answer.status < 300:
        return posts.line(answer)
    gone = answer.status in {404, 410} or answer.text.strip() in GONE
    raise hooks.refusal("Slack", answer, permanent=gone)


def has_buttons(config: dict[str, Any], doors: Doors) -> bool:
    """Whether presses come to us. No webhook tells whose app it is, so its owner does."""
    ours = doors.slack_buttons and config.get(OWN_APP, False)
    return bool(ours and urlsplit(config[hooks.NAME]).hostname == HOST)


def payload(alert: Alert, *, buttons: bool = False) -> dict[str, Any]:
    """Return the message: blocks, and a text for notifications and for programs without blocks.

    What people typed stands in `plain_text`, where Slack looks for no markup. Links are no buttons:
    Slack warns of a button if its app takes no presses. `buttons`: it does, and hands them to us.
    """
    presses = [each for each in (alert_words.link(alert), alert_words.action(alert)) if each]
    linked = "   ".join(f"<{slack_escaped(url)}|{words}>" for words, url in presses)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(defused(alert_words.subject(alert))[:LONGEST_HEADER])},
        {"type": "section", "text": _plain(alert_words.opening(alert))},
        *_facts(alert),
    ]
    if linked:
        blocks.append({"type": "section", "text": _markup(linked)})
    if buttons and alert.act_token:
        blocks.append(_actions(alert.act_token))
    text = slack_escaped(defused(alert_words.brief(alert)))
    return {
        "text": f"{text} {linked}".rstrip(),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _facts(alert: Alert) -> list[dict[str, Any]]:
    rows = fitting(alert_words.rows(alert), ROOM, lambda row: len("".join(row)), MOST_ROWS)
    parts = [rows[at : at + ROWS_OF_A_BLOCK] for at in range(0, len(rows), ROWS_OF_A_BLOCK)]
    return [{"type": "section", "fields": _fields(part)} for part in parts]


def _fields(rows: list[alert_words.Row]) -> list[dict[str, Any]]:
    # Pairs stand side by side.
    return [field for word, value in rows for field in (_bold(word), _plain(value))]


def _bold(word: str) -> dict[str, Any]:
    """Return a word in bold, unless it is a name with more in it than letters and spaces."""
    return _markup(f"*{word}*") if is_harmless(word) else _plain(word)


def _actions(token: str) -> dict[str, Any]:
    """Return the buttons. https://docs.slack.dev/reference/block-kit/blocks/actions-block"""
    words = {ACKNOWLEDGE: "Acknowledge", SNOOZE: "Snooze 1 h"}
    return {
        "type": "actions",
        "block_id": "act",
        "elements": [
            {"type": "button", "action_id": name, "value": token, "text": _plain(said)}
            for name, said in words.items()
        ],
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": defused(text), "emoji": False}


def _markup(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
