"""When the weekly fire drill is due. Pure."""

from datetime import datetime, time, timedelta

from earlywatch.domain.zone import InvalidSchedule, find_zone, instant, wall_time

DAY, WEEK = timedelta(days=1), timedelta(days=7)
HOUR = time(9)
# A drill that could not begin in time is left out rather than held at night.
CATCH_UP = timedelta(hours=4)


def due_since(now: datetime, zone_name: str) -> datetime | None:
    """Return since when (UTC) a drill has been due at `now`: Monday 9:00 of the zone.

    None if there is none to be held now. A zone that this machine no longer knows is UTC.
    """
    try:
        zone = find_zone(zone_name)
    except InvalidSchedule:
        zone = find_zone("UTC")
    today = wall_time(now, zone).date()
    monday = today - today.weekday() * DAY
    begin = instant(datetime.combine(monday, HOUR), zone)
    return begin if begin <= now < begin + CATCH_UP else None


def next_due(now: datetime, zone_name: str) -> datetime:
    """Return the first Monday 9:00 of the zone after `now`, in UTC."""
    try:
        zone = find_zone(zone_name)
    except InvalidSchedule:
        zone = find_zone("UTC")
    today = wall_time(now, zone).date()
    begin = instant(datetime.combine(today - today.weekday() * DAY, HOUR), zone)
    if begin > now:
        return begin
    return instant(datetime.combine(today + (7 - today.weekday()) * DAY, HOUR), zone)
