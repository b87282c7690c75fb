"""When the clock of this machine is set: how it is noticed, and what it means for monitors. Pure.

Back, what was written down a moment ago lies ahead, and would be waited for once more. Forward,
nobody was heard for as long: that is an outage, see `domain.outages`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from earlywatch.domain.monitor import MonitorState, Rules
from earlywatch.domain.runs import Run, first_limit
from earlywatch.domain.schedule import Interval

LEAST = timedelta(seconds=5)  # less is no jump, only a clock that is put right
NO_JUMP = timedelta(0)


class Jumps:
    """Compares the wall clock with one that nobody sets."""

    def __init__(self) -> None:
        self._before: tuple[datetime, float] | None = None

    @property
    def knows(self) -> bool:
        """Whether a look was kept before: without one, no jump is seen."""
        return self._before is not None

    def look(self, wall: datetime, steady: float) -> timedelta:
        """Return by how much the wall clock jumped since the kept look; back is negative.

        `wall` is UTC, `steady` the seconds of `time.monotonic()`, which stands while the machine
        sleeps: then the wall clock jumps forward too. It is seen again until a look is kept.
        """
        if self._before is None:
            return NO_JUMP
        jump = wall - self._before[0] - timedelta(seconds=steady - self._before[1])
        return jump if abs(jump) >= LEAST else NO_JUMP

    def keep(self, wall: datetime, steady: float) -> None:
        """Note that all was done about what a look at these moments showed."""
        self._before = wall, steady


def on_clock_back(
    state: MonitorState,
    rules: Rules | None,
    back: timedelta,
    now: datetime,
    succeeded_at: datetime | None = None,
) -> MonitorState:
    """Return the state of a monitor after the clock was set back by `back` to `now` (UTC).

    What counts from ping to ping goes back with the clock; where a calendar says when (or nobody
    knows, None), that stands, and only what was heard cannot lie ahead. `succeeded_at` is the
    newest success as it was stored: one that came since the clock was set counted as one ahead.
    """
    heard, succeeded = state.last_ping_at, state.last_success_at
    if heard is not None:
        back = max(back, heard - now)  # once is enough, whoever looks again
    runs = tuple(_back(run, back) for run in state.runs)
    expected, deadline = state.expected_at, state.deadline_at
    if rules is not None and isinstance(rules.schedule, Interval):
        if succeeded is not None and succeeded_at is not None:
            back -= max(NO_JUMP, succeeded_at - (succeeded - back))
        heard = heard and min(heard - back, now)
        succeeded = succeeded and succeeded - back
        expected = expected and expected - back
        deadline = deadline and deadline - back
    else:
        heard = heard and min(heard, now)
        succeeded = succeeded and min(succeeded, now)
        if rules is not None and expected is not None and deadline is not None:
            deadline = first_limit(runs, rules, expected + rules.grace)
    moved = replace(state, last_ping_at=heard, last_success_at=succeeded, runs=runs)
    return replace(moved, expected_at=expected, deadline_at=deadline)


def _back(run: Run, back: timedelta) -> Run:
    return replace(
        run,
        started_at=run.started_at - back,
        moved_at=run.moved_at and run.moved_at - back,
        judged_from=run.judged_from and run.judged_from - back,
        first_at=run.first_at and run.first_at - back,
    )
