"""Whether far fewer monitors are heard from than just before: then it may be our fault. Pure.

Each monitor is looked at when the deadline passes that it had at its last look. Most have been
heard from by then; when all at once fall silent, across workspaces, that is hardly the jobs.
Shares are compared, so that many jobs at the full hour change nothing.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
PAST = timedelta(minutes=30)  # what the last minute is compared with
FEWEST = 30  # monitors, and the workspaces that they are of; of fewer, chance silences all
FEWEST_WORKSPACES = 3
LOW = 0.3  # of the usual share


@dataclass(frozen=True)
class Look:
    """Monitors that fell due at about `at` (UTC): heard from since, or silent in workspaces."""

    at: datetime
    heard: int
    silent: int
    workspaces: frozenset[int] = frozenset()


class Volume:
    """What was seen lately. One in each process that looks; it needs no more than its share."""

    def __init__(self) -> None:
        self._latest: deque[Look] = deque()
        self._past: deque[Look] = deque()
        self._heard = self._looked = 0  # in the past

    def note(self, at: datetime, heard: int, silent: Collection[int]) -> None:
        """Note a look at `at` (UTC); `silent` has the workspace of each silent monitor."""
        self._forget(at)
        if heard or silent:
            self._latest.append(Look(at, heard, len(silent), frozenset(silent)))

    @property
    def is_low(self) -> bool:
        """Whether the last minute was much quieter than usual."""
        heard = sum(look.heard for look in self._latest)
        looked = heard + sum(look.silent for look in self._latest)
        if looked < FEWEST or self._looked < FEWEST:
            return False
        workspaces = frozenset[int]().union(*(look.workspaces for look in self._latest))
        if len(workspaces) < FEWEST_WORKSPACES:
            return False
        return heard / looked < LOW * self._heard / self._looked

    def _forget(self, now: datetime) -> None:
        while self._latest and now - self._latest[0].at > WINDOW:
            look = self._latest.popleft()
            self._past.append(look)
            self._heard += look.heard
            self._looked += look.heard + look.silent
        while self._past and now - self._past[0].at > PAST:
            look = self._past.popleft()
            self._heard -= look.heard
            self._looked -= look.heard + look.silent
