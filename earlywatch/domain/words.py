"""Moments in words, in a monitor's zone and in UTC."""

from datetime import UTC, datetime, tzinfo

from earlywatch.domain.zone import InvalidSchedule, find_zone

UTC_NAMES = {"UTC", "Etc/UTC"}


def moment_words(moment: datetime, time_zone: str, now: datetime) -> str:
    """Return `moment` as "Fri 20 Nov 2026, 02:00 Europe/Berlin (01:00 UTC)".

    The date is left out on the day of `now`, seconds when they are zero. In the zone
    UTC, or one that this machine no longer knows, UTC is said alone.
    """
    zone = _zone(time_zone)
    same_day = moment.astimezone(zone).date() == now.astimezone(zone).date()
    return _words(moment, time_zone, zone, "" if same_day else f"{_date(moment, zone)}, ")


def dated_words(moment: datetime, time_zone: str) -> str:
    """Return `moment` with its date, whatever day it is read, and without seconds."""
    zone = _zone(time_zone)
    return _words(moment.replace(second=0), time_zone, zone, f"{_date(moment, zone)}, ")


def date_words(moment: datetime, time_zone: str) -> str:
    """Return the date of `moment` in the zone: "20 Nov 2026"."""
    return _date(moment, _zone(time_zone)).partition(" ")[2]


def local_words(moment: datetime, time_zone: str) -> str:
    """Return `moment` on the clock of the zone, for where it is near: "Sat 09:00"."""
    local = moment.astimezone(_zone(time_zone))
    return f"{local:%a} {_clock(local)}"


def days_until(moment: datetime, time_zone: str, now: datetime) -> int:
    """Return how many midnights of the zone lie between `now` and `moment`."""
    zone = _zone(time_zone)
    return (moment.astimezone(zone).date() - now.astimezone(zone).date()).days


def _words(moment: datetime, time_zone: str, zone: tzinfo, date: str) -> str:
    local, in_utc = moment.astimezone(zone), moment.astimezone(UTC)
    if zone is UTC:
        return f"{date}{_clock(local)} UTC"
    other_day = "" if in_utc.date() == local.date() else f"{in_utc:%a} "
    return f"{date}{_clock(local)} {time_zone} ({other_day}{_clock(in_utc)} UTC)"


def _date(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b} {local.year}"


def _zone(name: str) -> tzinfo:
    if name in UTC_NAMES:
        return UTC
    try:
        return find_zone(name)
    except InvalidSchedule:
        return UTC  # an alert must go out even if a zone was dropped from the time zone data


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
