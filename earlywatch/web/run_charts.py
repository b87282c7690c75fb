"""The last runs as a small chart: bars whose height is how long a run took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from earlywatch.services.monitor_lists import Outcome, Run

STEP, WIDTH = 32, 22  # of a bar, in units of the chart
SHORTEST, LONGEST = 6, 64
UNKNOWN = 24  # the height of a run whose length nobody told


@dataclass(frozen=True)
class Bar:
    """One run in the chart; y counts from the top."""

    x: int
    y: int
    height: int
    run: Run


@dataclass(frozen=True)
class Chart:
    """Bars from old to new; `longest` is what the highest one stands for, None if none is known."""

    bars: tuple[Bar, ...]
    longest: timedelta | None

    @property
    def width(self) -> int:
        """In units of the chart."""
        return len(self.bars) * STEP


def chart_of(runs: Sequence[Run]) -> Chart:
    """Return the chart of some runs, oldest first."""
    longest = max((run.duration for run in runs if run.duration), default=None)
    heights = [_height(run, longest) for run in runs]
    bars = (
        Bar(place * STEP, LONGEST - height, height, run)
        for place, (run, height) in enumerate(zip(runs, heights, strict=True))
    )
    return Chart(tuple(bars), longest)


def _height(run: Run, longest: timedelta | None) -> int:
    if run.outcome is Outcome.MISSED:
        return LONGEST  # seen first, though nothing ran
    if not longest or run.duration is None:
        return UNKNOWN
    return SHORTEST + round((LONGEST - SHORTEST) * (run.duration / longest))
