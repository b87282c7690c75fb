"""Alerts by text message."""

from collections.abc import Mapping
from typing import Any

import phonenumbers

from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel, channel
from earlywatch.channels.text import gsm_friendly, in_gsm
from earlywatch.clients.sms import LONGEST_BODY
from earlywatch.clients.twilio import TwilioError
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind

LONGEST_NAME = 40
LONGEST_FOREIGN_NAME = 24  # such a name makes every character take twice the room
# Numbers that cost whoever calls them more than others do, some to the gain of who rents them.
COSTLY = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    }
)
OF_NO_COUNTRY = "001"  # what the library calls the region of satellites and their like
TOO_COSTLY = "This number costs more than others. Use that of a usual mobile or landline."
EXAMPLE = "Write the number with its country code, for example +49 151 23456789."


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of a number. Raises InvalidChannel."""
    try:
        number = phonenumbers.parse(raw.get("phone_number", ""), None)
    except phonenumbers.NumberParseException:
        raise InvalidChannel("phone_number", EXAMPLE) from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidChannel("phone_number", f"No telephone has this number. {EXAMPLE}")
    if phonenumbers.number_type(number) in COSTLY or _is_of_no_country(number):
        raise InvalidChannel("phone_number", TOO_COSTLY)
    return {"phone_number": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}


def summary(config: dict[str, Any]) -> str:
    """Return the number as people write it."""
    number = phonenumbers.parse(config["phone_number"], None)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@channel(
    "sms",
    label="SMS",
    proof="code",
    fields=(Field("phone_number", "Mobile number", "tel", "tel"),),
    check=check,
    summary=summary,
    available=lambda doors: doors.sms is not None,
    needs=("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"),
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send one message; return Twilio's answer. Raises ChannelError."""
    if doors.sms is None:
        raise ChannelError("Text messages are not set up on this installation.")
    try:
        return doors.sms.send(config["phone_number"], body(alert), alert.id)
    except TwilioError as error:
        raise ChannelError(
            str(error),
            permanent=error.permanent,
            retry_after=error.retry_after,
            timed_out=error.timed_out,
        ) from error


def body(alert: Alert) -> str:
    """Return the text: at most 320 characters, its link whole."""
    if alert.kind is AlertKind.CONFIRM:
        return (
            f"{alert.confirm_code} is your Earlywatch code."
            " If you did not ask for it, do nothing: nothing more will be sent."
        )
    said = gsm_friendly(alert_words.brief(alert, LONGEST_NAME))
    if not in_gsm(said):
        said = gsm_friendly(alert_words.brief(alert, LONGEST_FOREIGN_NAME))
    link = alert_words.link(alert)
    if link is None:
        return said[:LONGEST_BODY]
    room = LONGEST_BODY - len(link[1]) - 1
    if len(said) > room:
        said = gsm_friendly(f"{alert_words.subject(alert, LONGEST_FOREIGN_NAME)}.")[: max(room, 0)]
    return f"{said} {link[1]}"


def _is_of_no_country(number: phonenumbers.PhoneNumber) -> bool:
    return bool(phonenumbers.region_code_for_number(number) == OF_NO_COUNTRY)
