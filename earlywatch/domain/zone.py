"""Time zones: their names, and what their clocks do when they are put forward or back."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from earlywatch.errors import EarlywatchError

SECOND = timedelta(seconds=1)
# Two changes of one zone's clocks lie at least four weeks apart (Morocco's around Ramadan).
STRIDE = timedelta(days=14)
# What these mean depends on the machine.
NOT_ZONES = {"localtime", "posixrules", "Factory"}


class InvalidSchedule(EarlywatchError):
    """The schedule or its zone cannot be kept; the text says why and shows one that can."""


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return every IANA zone name, sorted."""
    return tuple(sorted(available_timezones() - NOT_ZONES))


def find_zone(name: str) -> ZoneInfo:
    """Return the zone of exactly this IANA name.

    Raise `InvalidSchedule`, with names it may have been meant for, if there is none.
    """
    if name in _known():
        return ZoneInfo(name)
    similar = _similar(name)
    if similar:
        hint = f"Did you mean {', '.join(similar)}?"
    else:
        hint = 'Write it like "Europe/Berlin", "America/New_York" or "UTC".'
    raise InvalidSchedule(f'There is no time zone "{name[:50]}". {hint}')


def wall_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clock on the wall shows at `moment`, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def utc_offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    """Return how far the zone's clocks are ahead of UTC at `moment`."""
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when (UTC) the clock on the wall first shows `wall`.

    A time shown twice counts at its first showing; a time that is skipped when
    clocks go forward counts at the moment of the change.
    """
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall_time(before, zone) == wall:
        return before
    after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return first_change(after, before, zone) or before


def first_change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when in (start, end] the clock is first put forward or back (UTC), or None."""
    # In local time adding would count by the wall and could stop inside a gap.
    start, offset = start.astimezone(UTC), utc_offset(start, zone)
    while start < end:
        stop = min(start + STRIDE, end)
        if utc_offset(stop, zone) != offset:
            return _bisect(start, stop, zone)
        start = stop
    return None


def _bisect(start: datetime, stop: datetime, zone: ZoneInfo) -> datetime:
    offset = utc_offset(start, zone)
    low, high = int(start.timestamp()), int(stop.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if utc_offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zone_names())


def _similar(name: str) -> list[str]:
    """Return up to three zone names that `name` may have been meant for, best first."""
    wanted = name[:50].strip().replace(" ", "_").casefold()
    folded = {zone.casefold(): zone for zone in zone_names()}
    if wanted in folded:
        return [folded[wanted]]
    by_city = [zone for key, zone in folded.items() if key.split("/")[-1] == wanted]
    close = [folded[match] for match in get_close_matches(wanted, folded, n=3, cutoff=0.7)]
    return list(dict.fromkeys(by_city + close))[:3]
