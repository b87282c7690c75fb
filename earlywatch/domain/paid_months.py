"""Which months a customer paid for, read from the lines of paid invoices."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from earlywatch.domain.pausing import months_later
from earlywatch.domain.proration import Line

# Less than this is no month of its own: a period that began on the 28th because February had no
# 31st ends on the 31st again.
REST = timedelta(days=7)


@dataclass(frozen=True, order=True)
class Month:
    """A month of service that was paid for (UTC); a pause or a change may have cut it short."""

    start: datetime
    end: datetime


def paid_months(lines: Collection[Line], cuts: Collection[datetime]) -> list[Month]:
    """Return the months that `lines` paid for, oldest first.

    A year is cut into its months. `cuts` are moments (UTC) at which service stopped: pauses and
    ends. A month ends there, and where the next period begins.
    """
    periods = sorted(_periods(lines))
    stops = [*cuts, *(start for start, _ in periods)]
    return [
        month
        for start, end in periods
        for month in _months(start, end, min([at for at in stops if start < at < end], default=end))
    ]


def _periods(lines: Iterable[Line]) -> Iterable[tuple[datetime, datetime]]:
    """Return beginning and end of each period; what a change adds to one has the same end."""
    starts: dict[datetime, datetime] = {}
    for line in lines:
        if line.cents > 0 and line.start < line.end:
            starts[line.end] = min(line.start, starts.get(line.end, line.start))
    # Of two that begin together, a change to the year at once, the longer holds the other.
    ends = {start: end for end, start in sorted(starts.items())}
    return ends.items()


def _months(start: datetime, end: datetime, stop: datetime) -> Iterator[Month]:
    begin, number = start, 0
    while begin < stop:
        number += 1
        until = months_later(start, number)
        until = end if end - until < REST else until
        yield Month(begin, min(until, stop))
        begin = until
