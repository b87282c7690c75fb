"""Days of the week by their ISO number: 1 is Monday. None at all means every day."""

from collections.abc import Collection
from datetime import date
from itertools import groupby

NAMES = {
    1: "Monday", 2: "Tuesday", 3: "Wednesday", 4: "Thursday", 5: "Friday", 6: "Saturday",
    7: "Sunday",
}  # fmt: skip
SPAN = 3  # so many days in a row are said as "Monday to Wednesday"


def is_on(day: date, days: Collection[int]) -> bool:
    """Tell whether `day` is one of `days`."""
    return not days or day.isoweekday() in days


def day_words(days: Collection[int]) -> str:
    """Return days for people: "every day", "Monday to Friday", "Monday and Sunday"."""
    wanted = sorted(set(days))
    if not wanted or len(wanted) == len(NAMES):
        return "every day"
    rows = [
        [day for _, day in row] for _, row in groupby(enumerate(wanted), lambda at: at[1] - at[0])
    ]
    parts = [part for row in rows for part in _said(row)]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _said(row: list[int]) -> list[str]:
    if len(row) >= SPAN:
        return [f"{NAMES[row[0]]} to {NAMES[row[-1]]}"]
    return [NAMES[day] for day in row]
