"""When a monitor has failed often enough for somebody to be told. Pure."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from earlywatch.domain.monitor import InvalidMonitor
from earlywatch.domain.schedule import Schedule

MOST_NEEDED, MOST_RUNS = 10, 20


@dataclass(frozen=True)
class Patience:
    """How many failures it takes: `needed` in a row, or `needed` of the last `of` runs."""

    needed: int = 1
    of: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= MOST_NEEDED:
            raise InvalidMonitor(f"Failures needed must be between 1 and {MOST_NEEDED}.")
        if self.of is not None and not max(self.needed, 2) <= self.of <= MOST_RUNS:
            least = max(self.needed, 2)
            raise InvalidMonitor(f"The number of runs must be between {least} and {MOST_RUNS}.")

    def words(self) -> str:
        """Return what is needed for people: "3 failures in a row", "2 failures of 5 runs"."""
        failures = "1 failure" if self.needed == 1 else f"{self.needed} failures"
        if self.of is not None:
            return f"{failures} of {self.of} runs"
        return failures if self.needed == 1 else f"{failures} in a row"


ONE_FAILURE = Patience()


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended at a moment (UTC), or one that was missed: then when that was clear."""

    at: datetime
    failed: bool


@dataclass(frozen=True)
class Silence:
    """What is expected of a monitor in trouble from which nothing comes.

    `awaited` (UTC) is when the next success should come; `deaf` are spans (UTC) in which it may
    have come unheard, so that missing it proves nothing.
    """

    schedule: Schedule
    grace: timedelta
    awaited: datetime
    deaf: Sequence[tuple[datetime, datetime]] = ()


def enough_at(
    patience: Patience, before: Sequence[Ended], since: Sequence[Ended], silence: Silence
) -> datetime:
    """Return when there are, or will be, enough failures (UTC), if it is silent from now on.

    `before` are the runs before the trouble began, `since` those from its first failure on, each
    the oldest first. What was missed between these counts; `silence` begins after the first.
    """
    window = deque(before, patience.of or patience.needed)
    for run in _with_missed(since, silence):
        window.append(run)
        failures = sum(each.failed for each in window)
        if run.failed and failures >= patience.needed:
            return run.at
    raise AssertionError("silence has no end")


def _with_missed(since: Sequence[Ended], silence: Silence) -> Iterator[Ended]:
    first, *later = since
    yield first
    awaited = silence.awaited
    for run in later:
        while awaited + silence.grace < run.at:
            yield from _missed(awaited, silence)
            awaited = silence.schedule.next_after(awaited)
        yield run
        awaited = silence.schedule.next_after(run.at)
    while True:
        yield from _missed(awaited, silence)
        awaited = silence.schedule.next_after(awaited)


def _missed(awaited: datetime, silence: Silence) -> Iterator[Ended]:
    at = awaited + silence.grace
    if not any(began < at and awaited <= ended for began, ended in silence.deaf):
        yield Ended(at, failed=True)
