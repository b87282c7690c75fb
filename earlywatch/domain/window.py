"""A memory for slow searches: between two expected times the answer does not change."""

from collections.abc import Callable, Hashable
from datetime import datetime

REMEMBERED = 10_000

_windows: dict[Hashable, tuple[datetime, datetime]] = {}


def remembered(
    schedule: Hashable, moment: datetime, search: Callable[[datetime], datetime]
) -> datetime:
    """Return `search(moment)`, from memory if `moment` lies where the last answer still holds.

    `search` must return the first time after a moment: so from there up to that time
    the answer stays the same. Safe in threads: a lost race costs one more search.
    """
    window = _windows.get(schedule)
    if window is not None and window[0] <= moment < window[1]:
        return window[1]
    found = search(moment)
    if len(_windows) >= REMEMBERED:
        _windows.clear()  # dropping one at a time would need a lock around the iteration
    _windows[schedule] = (moment, found)
    return found
