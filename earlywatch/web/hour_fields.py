"""Fields about hours and days that several forms have."""

import re
from datetime import time, timedelta

from wtforms import SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import TimeInput

from earlywatch.domain.duration import parse_duration
from earlywatch.domain.weekdays import NAMES
from earlywatch.errors import EarlywatchError
from earlywatch.web.reads import Reads

CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
AT_ONCE = {"at once", "now", "immediately"}


class InvalidText(EarlywatchError):
    """What was typed is not what is asked for."""


def read_clock(text: str) -> time:
    """Return the local time that `text` is: "22:00". Raises InvalidText."""
    found = CLOCK.fullmatch(text.removesuffix(":00") if text.count(":") == 2 else text)
    if found is None:
        raise InvalidText("Write the time like 22:00, from 00:00 to 23:59.")
    return time(int(found[1]), int(found[2]))


def read_minutes(text: str) -> timedelta:
    """Return a length of time; a bare number is minutes. Raises InvalidDuration."""
    if text.lower() in AT_ONCE:
        return timedelta(0)
    return parse_duration(f"{text} min" if text.isascii() and text.isdigit() else text)


def read_count(text: str) -> int:
    """Return the whole number that `text` is. Raises InvalidText."""
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise InvalidText("Write a whole number, such as 3.")
    return int(text)


def clock_field(label: str, *, optional: bool = False) -> StringField:
    """Return a field for a local time; `value` is a time."""
    return StringField(label, [Reads(read_clock, optional=optional)], widget=TimeInput())


def days_field(label: str) -> SelectMultipleField:
    """Return boxes for the days of the week, by ISO number."""
    days = [SelectChoice(number, name) for number, name in NAMES.items()]
    return SelectMultipleField(label, coerce=int, choices=days)
