"""systemd's calendar expressions (`OnCalendar=`), kept as systemd's timers keep them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice, pairwise
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from oncalendar import BaseIterator, OnCalendarError

from earlywatch.domain.window import remembered
from earlywatch.domain.zone import SECOND, InvalidSchedule, find_zone, instant, wall_time

LONGEST_EXPRESSION = 1_000
MOST_LINES = 10
MOST_PARTS = 4
CHECKED = 10_000
CLOSEST = timedelta(seconds=10)
# Enough to see every second of some adjacent minutes, where times crowd if they do.
SAMPLE = 100
# systemd's calendar runs from 1970 to 2199. What has a time soon after both of these
# neither ends nor begins in another life.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOON = datetime(2040, 1, 1, tzinfo=UTC)
LATE = datetime(2150, 1, 1, tzinfo=UTC)
# 29 February on a given day of the week comes back after at most 40 years.
LONGEST_WAIT = timedelta(days=50 * 366)
NEVER = datetime.max.replace(tzinfo=UTC)
EXAMPLE = 'For example, "Mon..Fri 02:30" is 02:30 from Monday to Friday.'


class Line(NamedTuple):
    """One calendar expression and the zone whose wall time it means."""

    text: str
    zone: ZoneInfo

    def times(self, moment: datetime) -> Iterator[datetime]:
        """Yield the times (UTC) later than `moment`, in order."""
        walls = BaseIterator(self.text, wall_time(moment, self.zone))
        for wall in walls:
            at = instant(wall, self.zone)
            shown = wall_time(at, self.zone)
            if shown != wall:
                walls.dt = shown - SECOND  # skipped by the clocks: go on behind the gap
            elif at > moment:
                yield at

    def first(self, moment: datetime) -> datetime:
        """Return the first time (UTC) later than `moment`, or `NEVER`."""
        return next(self.times(moment), NEVER)


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """The times of one or more `OnCalendar=` lines, in the wall time of `time_zone`.

    A line may end with a zone of its own. When clocks change it does as systemd: a
    time that is skipped does not come that day, one that is repeated comes once.
    Raise `InvalidSchedule` for what cannot be kept or comes to an end.
    """

    expression: str
    time_zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", _checked(self.expression, self.time_zone))

    def next_after(self, moment: datetime) -> datetime:
        """Return the first expected time (UTC) later than `moment`, which must be aware."""
        lines = _lines(self.expression, self.time_zone)
        found = min(remembered(line, moment, line.first) for line in lines)
        if found == NEVER:
            _refuse_end(lines)
        return found

    def words(self) -> str:
        """Return the schedule for people: 'on calendar "Mon..Fri 02:30", in Europe/Berlin'."""
        texts = self.expression.split("\n")
        lines = _lines(self.expression, self.time_zone)
        listed = "on calendar " + " and ".join(f'"{text}"' for text in texts)
        all_name_their_zone = all(
            text != line.text for text, line in zip(texts, lines, strict=True)
        )
        return listed if all_name_their_zone else f"{listed}, in {self.time_zone}"


@lru_cache(maxsize=CHECKED)
def _lines(expression: str, time_zone: str) -> tuple[Line, ...]:
    default = find_zone(time_zone)
    return tuple(_line(text, default) for text in expression.split("\n"))


def _line(text: str, default: ZoneInfo) -> Line:
    *head, last = text.split()
    # Only a zone starts with a letter behind something else: days come first.
    if head and last[0].isalpha():
        return Line(" ".join(head), find_zone(last))
    return Line(text, default)


@lru_cache(maxsize=CHECKED)
def _checked(expression: str, time_zone: str) -> str:
    """Return the expression, one trimmed line for each time, or raise `InvalidSchedule`."""
    texts = [" ".join(line.split()) for line in expression.splitlines() if line.strip()]
    if not texts:
        raise InvalidSchedule(f"Write at least one calendar expression. {EXAMPLE}")
    if len(expression) > LONGEST_EXPRESSION or len(texts) > MOST_LINES:
        raise InvalidSchedule(
            f"The calendar has more than {LONGEST_EXPRESSION:,} characters"
            f" or {MOST_LINES} lines. {EXAMPLE}"
        )
    for text in texts:
        _check_length(text)
    canonical = "\n".join(texts)
    lines = _lines(canonical, time_zone)
    for line in lines:
        _check_line(line)
    _check_together(lines)
    return canonical


def _check_length(text: str) -> None:
    if len(text.split()) > MOST_PARTS:
        raise InvalidSchedule(
            f'"{text}" has more parts than a calendar expression of systemd (days, date,'
            f" time, zone). If it is a cron expression, choose cron for it. {EXAMPLE}"
        )


def _check_line(line: Line) -> None:
    try:
        BaseIterator(line.text, EPOCH)
    except OnCalendarError:
        raise InvalidSchedule(
            f'"{line.text}" is not a calendar expression of systemd. {EXAMPLE}'
        ) from None
    if line.first(LATE) == NEVER and line.first(EPOCH) == NEVER:
        raise InvalidSchedule(
            f'"{line.text}" never comes: no day on the calendar fits it, like 31 February.'
            f" {EXAMPLE}"
        )


def _check_together(lines: tuple[Line, ...]) -> None:
    if min(line.first(LATE) for line in lines) == NEVER:
        _refuse_end(lines)
    first = min(line.first(SOON) for line in lines)
    if first - SOON > LONGEST_WAIT:
        raise InvalidSchedule(
            f"That calendar does not come before {first.year}. Leave the year open. {EXAMPLE}"
        )
    if _crowded(lines):
        raise InvalidSchedule(
            "That calendar comes more often than every 10 seconds, the shortest time"
            ' Earlywatch can watch. For example, "*:0/5" is every 5 minutes.'
        )


def _refuse_end(lines: tuple[Line, ...]) -> NoReturn:
    last = max(_last(line) for line in lines)
    raise InvalidSchedule(
        f"That calendar ends: its last time is {last:%-d %b %Y, %H:%M} UTC, and after it"
        f" nobody would be told of a job that stopped. Leave the year open. {EXAMPLE}"
    )


def _last(line: Line) -> datetime:
    """Return the last time of a line that has one and ends before `NEVER`."""
    low, high = int(EPOCH.timestamp()), int(NEVER.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if line.first(datetime.fromtimestamp(middle, UTC)) != NEVER:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _crowded(lines: tuple[Line, ...]) -> bool:
    seconds = {second for line in lines for second in BaseIterator(line.text, EPOCH).seconds}
    if len(seconds) == 1:
        return False  # all times are whole minutes apart
    times = islice(merge(*(line.times(LATE) for line in lines)), SAMPLE)
    return any(timedelta(0) < later - earlier < CLOSEST for earlier, later in pairwise(times))
