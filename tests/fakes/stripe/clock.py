"""What time it is: where a test has put it, or the real time."""

import time
from datetime import UTC, datetime


class Clock:
    """A clock that stands until it is moved; without `now` it is the real time."""

    def __init__(self, now: datetime | None = None) -> None:
        self._at = None if now is None else int(now.timestamp())

    def __call__(self) -> int:
        """Return the moment in Unix seconds."""
        return int(time.time()) if self._at is None else self._at

    @property
    def now(self) -> datetime:
        """The moment, in UTC, in whole seconds."""
        return datetime.fromtimestamp(self(), UTC)

    def set(self, moment: int) -> None:
        """Move a clock of a test forward to a moment (Unix seconds)."""
        if self._at is None:
            raise ValueError("the real time cannot be moved")
        self._at = max(self._at, moment)
