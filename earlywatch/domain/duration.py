"""Durations as people write and read them: "90 min", "1 h 30 min", "2 days"."""

import re
from datetime import timedelta
from itertools import pairwise

from earlywatch.errors import EarlywatchError

SECONDS_PER_UNIT = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip
NEXT_UNIT = {"days": "h", "day": "h", "h": "min", "min": "s"}
PART = re.compile(r"\s*([0-9]+)\s*([a-z]*)\s*(?:,|and\b)?\s*")
LONGEST_TEXT = 100
SECONDS_MAX = timedelta.max // timedelta(seconds=1)
EXAMPLE = 'Write a number and a unit, for example "90 s", "15 min", "1h 30m" or "2 days".'


class InvalidDuration(EarlywatchError):
    """The text is not a length of time."""


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` says: "10s", "1h 30m", "2 weeks"; a bare number is seconds.

    Units go from large to small, each at most once. Raise `InvalidDuration` for anything else.
    """
    parts = _parts(text)
    if len(parts) == 1 and not parts[0][1]:
        return _seconds(parts[0][0], text)
    units = [SECONDS_PER_UNIT.get(unit) for _, unit in parts]
    if None in units:
        raise InvalidDuration(f"{_quoted(text)} is not a length of time. {EXAMPLE}")
    sizes = [size for size in units if size]
    if any(later >= earlier for earlier, later in pairwise(sizes)):
        raise InvalidDuration(
            f"{_quoted(text)} names its units twice or in the wrong order. {EXAMPLE}"
        )
    return _seconds(sum(n * size for (n, _), size in zip(parts, sizes, strict=True)), text)


def format_duration(duration: timedelta) -> str:
    """Return `duration` in short words, down to the second: "1 h 30 min", "10 s", "2 days".

    Fractions of a second are dropped. `parse_duration` reads it back; a negative
    duration is shown as "0 s".
    """
    return " ".join(_words(duration)) or "0 s"


def rough_duration(duration: timedelta) -> str:
    """Return `duration` in its two most significant units at most: "12 min", "3 days 4 h"."""
    words = _words(duration)
    if not words:
        return "0 s"
    smaller = NEXT_UNIT.get(words[0].split()[1])
    return " ".join(words[:1] + [word for word in words[1:2] if word.split()[1] == smaller])


def _words(duration: timedelta) -> list[str]:
    total = max(0, duration // timedelta(seconds=1))
    days, rest = divmod(total, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    day = "day" if days == 1 else "days"
    amounts = [(days, day), (hours, "h"), (minutes, "min"), (seconds, "s")]
    return [f"{amount} {unit}" for amount, unit in amounts if amount]


def _parts(text: str) -> list[tuple[int, str]]:
    if len(text) > LONGEST_TEXT:
        raise InvalidDuration(f"That text is too long for a length of time. {EXAMPLE}")
    parts: list[tuple[int, str]] = []
    position, lowered = 0, text.strip().lower()
    while found := PART.match(lowered, position):
        parts.append((int(found[1]), found[2]))
        position = found.end()
    if not parts or position != len(lowered):
        raise InvalidDuration(f"{_quoted(text)} is not a length of time. {EXAMPLE}")
    return parts


def _seconds(amount: int, text: str) -> timedelta:
    if amount > SECONDS_MAX:
        raise InvalidDuration(f"{_quoted(text)} is longer than any calendar. {EXAMPLE}")
    return timedelta(seconds=amount)


def _quoted(text: str) -> str:
    return f'"{text.strip()}"'
