"""Stripe's calendar, and its rounding. Moments are Unix seconds, UTC."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def boundary(anchor: int, recurring: dict[str, Any], number: int) -> int:
    """Return the moment at which the `number`th period after the anchor begins.

    Months keep the anchor's day, or end with the month where it has no such day.
    """
    start = datetime.fromtimestamp(anchor, UTC)
    count = number * int(recurring["interval_count"])
    interval = recurring["interval"]
    if interval in ("day", "week"):
        days = count * (7 if interval == "week" else 1)
        return int((start + timedelta(days=days)).timestamp())
    months = start.year * 12 + start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(anchor: int, recurring: dict[str, Any], moment: int) -> tuple[int, int]:
    """Return start and end of the period that holds the moment, which is at or after `anchor`."""
    number = 1
    while boundary(anchor, recurring, number) <= moment:
        number += 1
    return boundary(anchor, recurring, number - 1), boundary(anchor, recurring, number)


def add_months(moment: int, months: int) -> int:
    """Return the moment so many months later."""
    return boundary(moment, {"interval": "month", "interval_count": 1}, months)


def share(amount: int, part: int, whole: int) -> int:
    """Return amount * part / whole in whole cents; a half cent goes away from zero."""
    if not whole:
        return 0
    doubled, sign = 2 * abs(amount) * part + whole, -1 if amount < 0 else 1
    return sign * (doubled // (2 * whole))
