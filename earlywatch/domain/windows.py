"""Maintenance windows: once, weekly or by a cron line, each for a length of real time. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

from earlywatch.domain.cron import Cron
from earlywatch.domain.duration import format_duration
from earlywatch.domain.weekdays import day_words, is_on
from earlywatch.domain.words import dated_words
from earlywatch.domain.zone import find_zone, instant, wall_time
from earlywatch.errors import EarlywatchError

SHORTEST_WINDOW = timedelta(minutes=1)
LONGEST_WINDOW = timedelta(days=31)
DAY = timedelta(days=1)
NEAR_DAYS = range(-1, 10)  # a week, and what clocks that skip a day or show it twice may need
MOST_JOINED = 200  # occurrences that overlap in a row
CHECKED = 1_000
# Any moment will do: what a weekly or cron window means does not change with the year.
CHECKED_FROM = datetime(2024, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime]


class InvalidWindow(EarlywatchError):
    """A window that makes no sense."""


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment (UTC)."""

    starts_at: datetime
    time_zone: str  # to show it in

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the moment if it is later than `moment`."""
        return self.starts_at if self.starts_at > moment else None

    def words(self) -> str:
        """Return it for people: "Fri 20 Nov 2026, 06:00 Europe/Berlin (05:00 UTC)"."""
        return dated_words(self.starts_at, self.time_zone)


@dataclass(frozen=True, slots=True)
class Weekly:
    """At a local time of `time_zone`, on `weekdays` (ISO: 1 is Monday); none: every day.

    Raises InvalidSchedule for an unknown zone.
    """

    weekdays: tuple[int, ...]
    starts: time
    time_zone: str

    def __post_init__(self) -> None:
        find_zone(self.time_zone)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first beginning (UTC) later than `moment`.

        A time that is skipped when clocks go forward is the moment after the gap, one that comes
        twice is the first.
        """
        zone = find_zone(self.time_zone)
        today = wall_time(moment, zone).date()
        days = (today + offset * DAY for offset in NEAR_DAYS)
        begins = (
            instant(datetime.combine(day, self.starts), zone)
            for day in days
            if is_on(day, self.weekdays)
        )
        return next((at for at in begins if at > moment), None)

    def words(self) -> str:
        """Return it for people: "Saturday and Sunday at 02:00 Europe/Berlin"."""
        return f"{day_words(self.weekdays)} at {self.starts:%H:%M} {self.time_zone}"


Begins = Once | Weekly | Cron


@dataclass(frozen=True, slots=True)
class Window:
    """Whenever it `begins`, for `length`. What began up to `ended_at` (UTC) was ended by hand.

    Raises InvalidWindow, also for one that begins again and again before it has ended: nobody
    would ever be told.
    """

    begins: Begins
    length: timedelta
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        if not SHORTEST_WINDOW <= self.length <= LONGEST_WINDOW:
            raise InvalidWindow(
                "A window lasts from 1 minute to 31 days. Pause monitors that rest for longer."
            )
        if not isinstance(self.begins, Once) and not _ends(self.begins, self.length):
            raise InvalidWindow(
                "This window would begin again before it has ended, over and over: nobody would"
                " be told of anything. Make it shorter, or let it begin less often."
            )

    def covering(self, now: datetime) -> Span | None:
        """Return begin and end (UTC) of the window that it is in at `now`, None if in none.

        What begins before another has ended, or just then, goes on to the end of both. The begin
        is that of the first one that lasts still.
        """
        first = self._next_after(now - self.length)
        if first is None or first > now:
            return None
        return first, self._joined_end(first)

    def next_windows(self, now: datetime, count: int) -> list[Span]:
        """Return up to `count` windows (UTC): the one that it is in at `now`, then the next."""
        found: list[Span] = []
        after = now
        current = self.covering(now)
        while len(found) < count:
            start = current[0] if current else self._next_after(after)
            if start is None:
                break
            after = current[1] if current else self._joined_end(start)
            found.append((start, after))
            current = None
        return found

    def words(self) -> str:
        """Return it for people: "every day at 02:00 UTC, for 1 h"."""
        return f"{self.begins.words()}, for {format_duration(self.length)}"

    def _next_after(self, moment: datetime) -> datetime | None:
        if self.ended_at is not None:
            moment = max(moment, self.ended_at)
        return self.begins.next_after(moment)

    def _joined_end(self, start: datetime) -> datetime:
        return _joined(self.begins, self.length, start)[0]


def _joined(begins: Begins, length: timedelta, start: datetime) -> tuple[datetime, bool]:
    """Return when what begins at `start` ends with all that overlaps, and whether that is all.

    Not all: after `MOST_JOINED` it goes on still. Whoever waits for the end then looks again.
    """
    last: datetime | None = start
    end = start + length
    for _ in range(MOST_JOINED):
        last = begins.next_after(last) if last else None
        if last is None or last > end:
            return end, True
        end = last + length
    return end, False


@lru_cache(maxsize=CHECKED)
def _ends(begins: Begins, length: timedelta) -> bool:
    start = begins.next_after(CHECKED_FROM)
    return start is None or _joined(begins, length, start)[1]
