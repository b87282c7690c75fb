"""Alerts by phone call: the words are said twice, and a pressed digit acknowledges."""

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from earlywatch.channels import sms
from earlywatch.channels.registry import ChannelError, Doors, Field, channel
from earlywatch.clients.twilio import TwilioError
from earlywatch.clients.voice import Voice
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind

LONGEST_SAID = 700  # characters, said twice: no more than two minutes, and what Twilio takes
# What XML cannot carry, and what it would take for markup: nobody can say either.
SILENT = re.compile("[<>&]|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_CALLED = "Not called: this channel calls about trouble alone."
PRESS = "Press 1 to acknowledge."
PRESS_IN_DRILL = "Press 1 to say that you got it."


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a number. Raises InvalidChannel."""
    return {**sms.check(raw, doors), "recoveries": raw.get("recoveries") == "on"}


def skips(config: dict[str, Any], alert: Alert) -> str | None:
    """Return why nobody is called: good news ring only where somebody wishes it."""
    unwished = alert.kind is AlertKind.RESOLVED and not config["recoveries"]
    return NOT_CALLED if unwished else None


@channel(
    "voice",
    label="Phone call",
    proof="code",
    fields=(
        Field("phone_number", "Phone number", "tel", "tel"),
        Field("recoveries", "Call when it is over, too", "checkbox", optional=True, target=False),
    ),
    check=check,
    summary=sms.summary,
    available=lambda doors: doors.voice is not None,
    needs=("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"),
    skips=skips,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Begin one call; return Twilio's answer. Raises ChannelError."""
    if doors.voice is None:
        raise ChannelError("Phone calls are not set up on this installation.")
    try:
        twiml = payload(alert, _pressed(alert, doors.voice))
        return doors.voice.call(config["phone_number"], twiml, alert.id)
    except TwilioError as error:
        raise ChannelError(
            str(error),
            permanent=error.permanent,
            retry_after=error.retry_after,
            timed_out=error.timed_out,
        ) from error


def payload(alert: Alert, digit_url: str | None = None) -> str:
    """Return what is said, in TwiML. https://www.twilio.com/docs/voice/twiml

    `digit_url` is told which digit is pressed, also before all is said.
    """
    words = said(alert)
    twice = f'{_say(words)}<Pause length="1"/>{_say(words)}'
    if digit_url is None:
        return f"<Response>{twice}</Response>"
    once = _say(words) + _say(PRESS_IN_DRILL if alert.kind is AlertKind.DRILL else PRESS)
    twice = f'{once}<Pause length="1"/>{once}'
    return (
        f'<Response><Gather numDigits="1" timeout="10" method="POST" action={quoteattr(digit_url)}>'
        f"{twice}</Gather>{_say('Goodbye.')}</Response>"
    )


def said(alert: Alert) -> str:
    """Return the words, as they are said once."""
    if alert.kind is AlertKind.CONFIRM:
        digits = ", ".join(alert.confirm_code or "")
        return (
            f"This is Earlywatch. Your code is: {digits}."
            " If you did not ask for it, hang up: there will be no more calls."
        )
    is_drill = alert.kind is AlertKind.DRILL
    opening = "Nothing is wrong." if is_drill else alert_words.opening(alert)
    words = f"This is Earlywatch. {alert_words.subject(alert)}. {opening}"
    return alert_words.one_line(words, LONGEST_SAID)


def _pressed(alert: Alert, voice: Voice) -> str | None:
    """Return where a digit goes; None if there is nothing to press, or Twilio cannot reach us."""
    if alert.drill_token:
        return voice.drill_url(alert.drill_token)
    return voice.digit_url(alert.act_token) if alert.act_token else None


def answer(words: str) -> str:
    """Return TwiML that says `words` and hangs up."""
    return f"<Response>{_say(words)}<Hangup/></Response>"


def _say(words: str) -> str:
    return f"<Say>{SILENT.sub(' ', words)}</Say>"
