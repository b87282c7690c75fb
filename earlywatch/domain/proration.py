"""What a stretch of time was worth, from the lines of the invoices that paid for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """A line of a paid invoice: `cents` after discounts and with tax, for `start` to `end` (UTC).

    A credit for unused time is a line with negative cents.
    """

    cents: int
    start: datetime
    end: datetime


def value_between(lines: Iterable[Line], start: datetime, end: datetime) -> int:
    """Return what was paid for the time from `start` to `end` (UTC), in cents.

    Each line counts with the share of its time that lies there. Halves are rounded up, in the
    customer's favour; the sum is rounded once.
    """
    total = sum((_share(line, start, end) for line in lines), Fraction(0))
    return int((total + Fraction(1, 2)).__floor__())


def unused_days_from(end: datetime, now: datetime) -> datetime:
    """Return where the last whole unused days before `end` begin, at or after `now` (UTC)."""
    return end - max((end - now) // DAY, 0) * DAY


def _share(line: Line, start: datetime, end: datetime) -> Fraction:
    length = line.end - line.start
    overlap = min(line.end, end) - max(line.start, start)
    if length <= timedelta(0) or overlap <= timedelta(0):
        return Fraction(0)
    return line.cents * Fraction(
        overlap // timedelta(microseconds=1), length // timedelta(microseconds=1)
    )
