"""Cron expressions: five fields, kept as Debian's cron keeps them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NoReturn
from zoneinfo import ZoneInfo

from cron_descriptor import FormatError, Options, get_description
from cronsim import CronSim, CronSimError

from earlywatch.domain.window import remembered
from earlywatch.domain.zone import (
    SECOND,
    InvalidSchedule,
    find_zone,
    first_change,
    instant,
    utc_offset,
    wall_time,
)

LONGEST_EXPRESSION = 100
CHECKED = 10_000
# 29 February on a given day of the week comes back after at most 40 years.
LONGEST_WAIT = timedelta(days=50 * 366)
# Any moment will do: what a cron expression means does not change with the year.
CHECKED_FROM = datetime(2024, 1, 1, tzinfo=UTC)

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
ALLOWED = ("0 to 59", "0 to 23", "1 to 31 or L", "1 to 12 or JAN to DEC", "0 to 7 or SUN to SAT")
EXAMPLE = 'For example, "30 2 * * 1-5" is 02:30 from Monday to Friday.'
FIVE = f"A cron expression has five fields: {', '.join(FIELDS)}."
NAME = "SUN|MON|TUE|WED|THU|FRI|SAT|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
FIELD = re.compile(rf"([0-9*,/#LW-]|{NAME})+", re.IGNORECASE)
IN_WORDS = Options(locale_code="en_US", use_24hour_time_format=True)


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of a crontab line, in the wall time of `time_zone`.

    When clocks change it does as Debian's cron: a fixed time that is skipped comes
    right after the change and one that is repeated comes once; if minute or hour
    start with `*`, whatever the clock shows counts. Nicknames such as `@daily` are
    translated. Raise `InvalidSchedule` for what cannot be kept.
    """

    expression: str
    time_zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", _checked(self.expression, self.time_zone))

    def next_after(self, moment: datetime) -> datetime:
        """Return the first expected time (UTC) later than `moment`, which must be aware."""
        return remembered(self, moment, self._search)

    def words(self) -> str:
        """Return the schedule for people: "at 02:30, in Europe/Berlin"."""
        words = _in_words(self.expression)
        return f"{words[0].lower()}{words[1:]}, in {self.time_zone}"

    def _search(self, moment: datetime) -> datetime:
        found = _next(self.expression, find_zone(self.time_zone), moment)
        if found is None:
            _refuse_never(self.expression)
        return found


def _next(expression: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    minute, hour = expression.split()[:2]
    if minute.startswith("*") or hour.startswith("*"):
        return _next_on_the_clock(expression, zone, moment)
    for wall in CronSim(expression, wall_time(moment, zone)):
        at = instant(wall, zone)
        if at > moment:
            return at
    return None


def _next_on_the_clock(expression: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """Return the first matching time, searching stretch by stretch between clock changes.

    cronsim does this itself, but loses half an hour where clocks change by that much.
    """
    start, wall_start = moment, wall_time(moment, zone)
    while start - moment < LONGEST_WAIT:
        wall = next(CronSim(expression, wall_start), None)
        if wall is None:
            return None
        at = (wall - utc_offset(start, zone)).replace(tzinfo=UTC)
        change = first_change(start, at, zone)
        if change is None:
            return at
        start, wall_start = change, wall_time(change, zone) - SECOND
    return None


@lru_cache(maxsize=CHECKED)
def _checked(expression: str, time_zone: str) -> str:
    """Return the expression as five fields, or raise `InvalidSchedule`."""
    zone = find_zone(time_zone)
    if len(expression) > LONGEST_EXPRESSION:
        raise InvalidSchedule(
            f"The cron expression is longer than {LONGEST_EXPRESSION} characters. {EXAMPLE}"
        )
    fields = _fields(expression)
    canonical = " ".join(fields)
    try:
        CronSim(canonical, CHECKED_FROM)
    except CronSimError:
        _refuse_field(fields)
        _refuse_never(canonical)
    if _next(canonical, zone, CHECKED_FROM) is None:
        _refuse_never(canonical)
    return canonical


def _fields(expression: str) -> list[str]:
    stripped = expression.strip()
    if stripped.startswith("@"):
        return _nickname(stripped)
    fields = stripped.split()
    if len(fields) == 5:
        return fields
    if len(fields) == 6 and all(map(FIELD.fullmatch, fields)):
        raise InvalidSchedule(
            f"{FIVE} This one has six; cron knows no seconds, so leave the first one out:"
            f' "{" ".join(fields[1:])}".'
        )
    if len(fields) > 5 and all(map(FIELD.fullmatch, fields[:5])):
        raise InvalidSchedule(
            f'{FIVE} Write only those, without the command: "{" ".join(fields[:5])}".'
        )
    raise InvalidSchedule(f"{FIVE} This one has {len(fields)}. {EXAMPLE}")


def _nickname(text: str) -> list[str]:
    known = NICKNAMES.get(text.lower())
    if known is None:
        raise InvalidSchedule(
            f'"{text}" names no time Earlywatch can expect. It knows'
            f" @hourly, @daily, @weekly, @monthly and @yearly, and five fields. {EXAMPLE}"
        )
    return known.split()


def _refuse_field(fields: list[str]) -> None:
    """Raise for the first field that is wrong by itself."""
    for position, text in enumerate(fields):
        alone = ["*"] * 5
        alone[position] = text
        try:
            CronSim(" ".join(alone), CHECKED_FROM)
        except CronSimError:
            raise InvalidSchedule(
                f'"{text}" cannot be the {FIELDS[position]}: write {ALLOWED[position]},'
                f" * for every one, or a list, range or step of them. {EXAMPLE}"
            ) from None


def _refuse_never(expression: str) -> NoReturn:
    raise InvalidSchedule(
        f'"{expression}" never comes: no day on the calendar fits it, like 31 February. {EXAMPLE}'
    )


@lru_cache(maxsize=CHECKED)
def _in_words(expression: str) -> str:
    day, _, weekday = expression.split()[2:]
    must_fit_both = "*" in (day[0], weekday[0]) and day != "*" and weekday != "*"
    if must_fit_both:  # cron-descriptor would say "or"
        return CronSim(expression, CHECKED_FROM).explain()
    try:
        return str(get_description(expression, IN_WORDS))
    except FormatError:  # it does not know stars and steps in lists
        return CronSim(expression, CHECKED_FROM).explain()
