"""Alerts to phones through Pushover; urgent ones repeat until somebody reacts."""

import re
from collections.abc import Mapping
from typing import Any

from earlywatch.channels.posts import accepted, posting
from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel, Said, channel
from earlywatch.channels.text import defused
from earlywatch.clients.http import Answer
from earlywatch.clients.reading import fields
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, Event

BASE = "https://api.pushover.net"
USER = re.compile(r"[0-9a-zA-Z]{30}")
DEVICE = re.compile(r"[0-9a-zA-Z_-]{0,25}")
# https://pushover.net/api#limits, characters
LONGEST_TITLE, LONGEST_MESSAGE, LONGEST_URL, LONGEST_WORDS = 250, 1024, 512, 100
EMERGENCY, NORMAL = "2", "0"
RETRY, EXPIRE = "60", "3600"  # seconds: how often it sounds, and for how long
FAILED_THERE = 500  # from this status on, to try again makes sense
TOO_MANY = 429

Form = dict[str, str]


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of a user or a group. Raises InvalidChannel."""
    user, device = raw.get("user_key", "").strip(), raw.get("device", "").strip()
    if not USER.fullmatch(user):
        raise InvalidChannel("user_key", "A user key has 30 letters and digits.")
    if not DEVICE.fullmatch(device):
        raise InvalidChannel(
            "device", "A device has at most 25 letters, digits, hyphens and underscores."
        )
    return {"user_key": user, "device": device}


def summary(config: dict[str, Any]) -> str:
    """Return the end of the key, and the device."""
    device = f", {config['device']}" if config["device"] else ""
    return f"Pushover …{config['user_key'][-4:]}{device}"


@channel(
    "pushover",
    label="Pushover",
    proof="link",
    fields=(
        Field("user_key", "User key", "text", secret=True),
        Field("device", "Device", "text", optional=True),
    ),
    check=check,
    summary=summary,
    available=lambda doors: doors.pushover_token is not None,
    needs=("PUSHOVER_APP_TOKEN",),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send one message; return Pushover's answer, with the receipt. Raises ChannelError."""
    if doors.pushover_token is None:
        raise ChannelError("Pushover is not set up on this installation.")
    base, token = doors.base("pushover", BASE), {"token": doors.pushover_token}
    if alert.event is Event.RESOLVE:
        _silence(f"{base}/1/receipts/cancel_by_tag/{alert.incident_key}.json", token, doors)
    to = {"user": config["user_key"]}
    if config["device"]:
        to["device"] = config["device"]
    answer = _post(f"{base}/1/messages.json", {**token, **to, **payload(alert)}, doors)
    said = accepted(answer, "Pushover", gone=_is_nobody(answer))
    receipt = fields(answer).get("receipt")
    return Said(said, receipt) if isinstance(receipt, str) else said


def payload(alert: Alert) -> Form:
    """Return the message, without whom it goes to."""
    message: Form = {
        "title": defused(alert_words.subject(alert))[:LONGEST_TITLE],
        "message": _message(alert),
        "timestamp": str(int(alert.sent_at.timestamp())),
        "priority": NORMAL,
    }
    # The page with the buttons shows the incident too.
    link = alert_words.action(alert) or alert_words.link(alert)
    if link and len(link[1]) <= LONGEST_URL:
        message |= {"url": link[1], "url_title": link[0][:LONGEST_WORDS]}
    if alert.urgent and alert.event is Event.TRIGGER and not alert.is_over:
        tag = alert.incident_key  # by which it is silenced when all is well
        message |= {"priority": EMERGENCY, "retry": RETRY, "expire": EXPIRE, "tags": tag}
    return message


def _message(alert: Alert) -> str:
    rows = [f"{word}: {said}" for word, said in alert_words.rows(alert)]
    return defused("\n".join([alert_words.opening(alert), *rows]))[:LONGEST_MESSAGE]


def _silence(url: str, token: Form, doors: Doors) -> None:
    """Stop what still sounds. Raises ChannelError if that did not come about."""
    answer = _post(url, token, doors)
    if answer.status == TOO_MANY or answer.status >= FAILED_THERE:
        accepted(answer, "Pushover")


def _post(url: str, form: Form, doors: Doors) -> Answer:
    with posting():
        return doors.http.post(url, data=form, trusted=True)


def _is_nobody(answer: Answer) -> bool:
    """Tell whether there is no such user. What is wrong with our token is not the user's fault."""
    said = fields(answer)
    return answer.status == 400 and said.get("user") == "invalid" and said.get("token") != "invalid"
