"""Quiet hours: when a channel is left in peace, on the clock of a zone. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from earlywatch.domain.weekdays import day_words, is_on
from earlywatch.domain.zone import find_zone, instant, wall_time
from earlywatch.errors import EarlywatchError

DAY = timedelta(days=1)
# Quiet hours last for less than a day. Clocks put forward over midnight skip a whole day at most,
# and those put back may show yesterday's date once more.
NEAR_DAYS = range(-2, 2)


class InvalidQuiet(EarlywatchError):
    """Quiet hours that make no sense."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """From one local time of `zone` until another, over midnight if it is not later in the day.

    `days` (ISO: 1 is Monday) are those on which it begins; none: on all. Raises InvalidQuiet, and
    InvalidSchedule for an unknown zone.
    """

    from_: time
    until: time
    zone: str
    days: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        find_zone(self.zone)
        if self.from_ == self.until:
            raise InvalidQuiet("Quiet hours must end at another time than they begin.")
        if not set(self.days) <= set(range(1, 8)):
            raise InvalidQuiet("Days of the week are 1, Monday, to 7, Sunday.")

    def words(self) -> str:
        """Return it for people: "22:00 to 07:00 Europe/Berlin, beginning Monday to Friday"."""
        when = day_words(self.days)
        days = when if when == "every day" else f"beginning {when}"
        return f"{self.from_:%H:%M} to {self.until:%H:%M} {self.zone}, {days}"


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """Return when (UTC) the quiet hours that it is at `now` end; None if it is not quiet.

    A local time that is skipped when clocks go forward is the moment after the gap, one that
    comes twice is the first. Hours that begin where others end are one.
    """
    end = None
    for start, stop in sorted(_near(quiet, now)):
        if start <= (end or now) < stop:
            end = stop
    return end


def _near(quiet: Quiet, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end (UTC) of the quiet hours that may cover `now` or follow those."""
    zone = find_zone(quiet.zone)
    today = wall_time(now, zone).date()
    for offset in NEAR_DAYS:
        day = today + offset * DAY
        if is_on(day, quiet.days):
            yield (
                instant(datetime.combine(day, quiet.from_), zone),
                instant(datetime.combine(_last_day(quiet, day), quiet.until), zone),
            )


def _last_day(quiet: Quiet, day: date) -> date:
    return day if quiet.from_ < quiet.until else day + DAY
