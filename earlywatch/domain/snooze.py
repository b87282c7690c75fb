"""What people do about trouble that others are told of: take it, or be left in peace. Pure."""

from datetime import datetime, time, timedelta
from enum import StrEnum

from earlywatch.domain.words import moment_words
from earlywatch.domain.zone import InvalidSchedule, find_zone, instant, wall_time

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MORNING = time(9)
NIGHT_ENDS = time(5)  # whoever is up before it means the morning that comes

THROUGH = "through "


class Act(StrEnum):
    """A button. The words of those that snooze are also what a reply by mail says."""

    ACKNOWLEDGE = "ack"
    HOUR = "1h"
    HOURS = "4h"
    TOMORROW = "tomorrow"
    BACK = "back"  # nobody is told anything before it is back: it is acknowledged, in effect
    UNDO = "undo"


LENGTHS = {Act.HOUR: timedelta(hours=1), Act.HOURS: timedelta(hours=4)}


def until(act: Act, now: datetime, zone_name: str) -> datetime | None:
    """Return when (UTC) a snooze that begins at `now` ends; None: when it is back.

    Seconds are rounded up: nobody wants to read them. Tomorrow is the next 9:00 after the coming or
    present night in the zone; in one that this machine no longer knows, of UTC.
    """
    if act in LENGTHS:
        return _whole_minute(now + LENGTHS[act])
    return next_morning(now, zone_name) if act is Act.TOMORROW else None


def next_morning(now: datetime, zone_name: str) -> datetime:
    """Return the first 9:00 (UTC) of the zone after the night that is, or comes next."""
    try:
        zone = find_zone(zone_name)
    except InvalidSchedule:
        zone = find_zone("UTC")
    local = wall_time(now, zone)
    day = local.date() if local.time() < NIGHT_ENDS else local.date() + DAY
    return instant(datetime.combine(day, MORNING), zone)


def _whole_minute(moment: datetime) -> datetime:
    return moment + -timedelta(seconds=moment.second, microseconds=moment.microsecond) % MINUTE


def by_words(by: str) -> str:
    """Return who did it: "by anna@example.org", or "through Team mail"."""
    return by if by.startswith(THROUGH) else f"by {by}"


def rest_words(ends_at: datetime | None, zone: str, now: datetime) -> str:
    """Return how long it is snoozed: "until 14:00 UTC", "until it is back"."""
    return f"until {moment_words(ends_at, zone, now)}" if ends_at else "until it is back"
