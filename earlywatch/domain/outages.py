"""When we could not hear: how it is noticed, and what it does to deadlines. Pure.

Silence proves something only about a time in which we could hear.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from earlywatch.domain.monitor import MonitorState, Rules
from earlywatch.domain.runs import Run, first_limit

DEAF_AFTER = timedelta(seconds=15)  # without a word of the canary, which comes every two seconds
# Two of the canary in a row did not come. Pings may be lost too, but nobody need be told of it.
LOST_AFTER = timedelta(seconds=5)
# A deadline is judged at once if the canary was heard so shortly before it.
SLACK = timedelta(seconds=3)
# After the end of an outage: so long the next time of a job is waited for whose ping was lost.
SOON = timedelta(minutes=5)


@dataclass(frozen=True)
class Gap:
    """From the last moment (UTC) at which we heard to the next one, None while it lasts."""

    began_at: datetime
    ended_at: datetime | None = None

    def length(self, now: datetime) -> timedelta:
        """Return how long it was, or is so far at `now` (UTC)."""
        return max((self.ended_at or now) - self.began_at, timedelta(0))


def first_gap(
    last: datetime, heard: Iterable[datetime], now: datetime, longest: timedelta = DEAF_AFTER
) -> Gap | None:
    """Return the first stretch without a word that is longer than `longest`, None without one.

    `last` is when we heard last before the moments in `heard` (UTC), which are in the order in
    which they were written down. A clock that was set back makes no gap: what lies ahead of `now`
    was heard before.
    """
    for moment in heard:
        if moment > now:
            continue
        if moment - last > longest:
            return Gap(last, moment)
        last = moment
    return Gap(last) if now - last > longest else None


def on_outage(state: MonitorState, rules: Rules, began: datetime, ended: datetime) -> MonitorState:
    """Return the state of a monitor after we could not hear from `began` to `ended` (UTC).

    A deadline that had passed before stands. What was expected by the end of the outage is
    expected later by its length; or, if it fell into it more than once, at its next time from
    the end on, since nobody knows which of its pings was the last. So it is if it fell into it
    once and its next time comes soon. Runs that were open may take so much longer as we did not
    hear of them.
    """
    deadline, expected = state.deadline_at, state.expected_at
    if deadline is None or expected is None or deadline <= began:
        return state
    runs = tuple(_spared(run, began, ended) for run in state.runs)
    if expected <= ended:
        expected = _expected_after(expected, rules, began, ended)
    deadline = first_limit(runs, rules, expected + rules.grace)
    return replace(state, expected_at=expected, deadline_at=deadline, runs=runs)


def without_rules(state: MonitorState, began: datetime, ended: datetime) -> MonitorState:
    """Return what `on_outage` does where the rules cannot be read any more: all moves alike."""
    deadline, expected = state.deadline_at, state.expected_at
    if deadline is None or expected is None or deadline <= began:
        return state
    length = ended - began
    if expected <= ended:
        return replace(state, expected_at=expected + length, deadline_at=deadline + length)
    return replace(state, deadline_at=min(deadline + length, max(deadline, expected)))


def _spared(run: Run, began: datetime, ended: datetime) -> Run:
    lost = ended - max(began, run.started_at)
    return replace(run, spared=run.spared + lost) if lost > timedelta(0) else run


def _expected_after(expected: datetime, rules: Rules, began: datetime, ended: datetime) -> datetime:
    length = ended - began
    following = rules.schedule.next_after(ended)
    # Waiting for the next time of a rare job would be a day of silence about one that stopped.
    awaited = max(length, SOON) if expected > began else length
    later = following if following <= ended + awaited else expected + length
    return max(later, expected + length)
