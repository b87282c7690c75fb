"""Alerts by email."""

from collections.abc import Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email

from earlywatch.channels.look import look
from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel, channel
from earlywatch.clients.letter import Mail, MailError
from earlywatch.clients.mail_templates import render
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of an address. Raises InvalidChannel."""
    typed = raw.get("address", "").strip()
    try:
        checked = validate_email(typed, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise InvalidChannel(
            "address", "Write an email address, for example alice@example.org."
        ) from None
    return {"address": checked.normalized}


def summary(config: dict[str, Any]) -> str:
    """Return the address."""
    return str(config["address"])


@channel(
    "email",
    label="Email",
    proof="link",
    fields=(Field("address", "Email address", "email", "email"),),
    check=check,
    summary=summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send one mail; return the mail server's answer. Raises ChannelError."""
    try:
        return doors.mail.send(letter(config["address"], alert))
    except MailError as error:
        raise ChannelError(
            str(error), permanent=error.permanent, timed_out=error.timed_out
        ) from error


def letter(address: str, alert: Alert) -> Mail:
    """Return the mail that tells `alert`.

    A confirmation says nothing that its sender typed: it goes to somebody who may not
    know them.
    """
    words, url = alert_words.link(alert) or ("", "")
    act_words, act_url = alert_words.action(alert) or ("", "")
    subject = alert_words.subject(alert)
    confirms = alert.kind is AlertKind.CONFIRM
    values = {
        "subject": subject,
        "opening": alert_words.opening(alert),
        "rows": tuple(alert_words.rows(alert)),
        "look": look(alert),
        "url": url,
        "url_words": words,
        "act_url": act_url,
        "act_words": act_words,
        "answerable": alert.reply_to is not None,
        "channel": "" if confirms else alert_words.one_line(alert.channel_name, 100),
        "unsubscribe_url": alert.unsubscribe_url or "",
    }
    text, html = render("alert", values)
    thread = f"incident-{alert.trouble.incident_id}" if alert.trouble else None
    return Mail(
        alert.id,
        address,
        subject,
        text,
        html,
        thread,
        alert.unsubscribe_url,
        alert.reply_to,
        tracked=True,
    )
