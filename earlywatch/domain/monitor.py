"""The rules of a monitor: state and event in, state and incident changes out. No clock, no I/O.

Each `on_<event>` function returns the changes in the order in which they happened, so that
history is the same whether or not the detector looked in between.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from earlywatch.domain import runs as open_runs
from earlywatch.domain.runs import Progress, Run
from earlywatch.domain.schedule import Schedule
from earlywatch.errors import EarlywatchError

LONGEST_GRACE = LONGEST_RUNTIME = timedelta(days=365)
SHORTEST_RUNTIME = timedelta(seconds=1)
MOST_SUCCESSES = 10


class InvalidMonitor(EarlywatchError):
    """A rule that makes no sense."""


class Status(StrEnum):
    """What a monitor is; `DUE`, `UNKNOWN` and `BLOCKED` are only shown, never stored."""

    NEW = "new"
    UP = "up"
    DUE = "due"
    LATE = "late"
    FAILED = "failed"
    PAUSED = "paused"  # the owner asked us to look away
    FROZEN = "frozen"  # the plan allows fewer than there are
    UNKNOWN = "unknown"  # its silence proves nothing, since we cannot hear
    BLOCKED = "blocked"  # in trouble, as is one that it depends on


UNWATCHED = (Status.PAUSED, Status.FROZEN)
IN_TROUBLE = (Status.LATE, Status.FAILED)  # exactly then an incident is open


class Cause(StrEnum):
    """Why an incident opened."""

    MISSED = "missed"
    OVERRAN = "overran"
    FAILED = "failed"


class PingKind(StrEnum):
    """What a job told us."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"
    IGNORED = "ignored"  # stored and nothing else: it proves nothing about the job


@dataclass(frozen=True)
class Rules:
    """What the owner decided: when to expect a success and how patient to be.

    `max_runtime` is how long a run may take, `stall_after` how long the number that it tells
    may stand still. After trouble it is back with the last of `successes_needed`.
    """

    schedule: Schedule
    grace: timedelta
    max_runtime: timedelta | None = None
    stall_after: timedelta | None = None
    successes_needed: int = 1

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.grace <= LONGEST_GRACE:
            raise InvalidMonitor("The grace must be between 0 seconds and 365 days.")
        for length, what in ((self.max_runtime, "run time"), (self.stall_after, "standstill")):
            if length is not None and not SHORTEST_RUNTIME <= length <= LONGEST_RUNTIME:
                raise InvalidMonitor(f"The longest {what} must be between 1 second and 365 days.")
        if not 1 <= self.successes_needed <= MOST_SUCCESSES:
            raise InvalidMonitor(f"Successes needed must be between 1 and {MOST_SUCCESSES}.")


@dataclass(frozen=True)
class MonitorState:
    """What we know of a monitor. All moments are UTC.

    `deadline_at` is set while a silence would mean trouble: when up, and when new with a job that
    has started. It is never later than `expected_at` + grace, nor than the limit of any open run.
    `runs` are those that have started and not ended, the oldest first; `recovering` counts the
    successes since trouble.
    """

    status: Status = Status.NEW
    last_ping_at: datetime | None = None
    last_success_at: datetime | None = None
    expected_at: datetime | None = None
    deadline_at: datetime | None = None
    runs: tuple[Run, ...] = ()
    recovering: int = 0

    @property
    def running(self) -> bool:
        """A start came and no end yet."""
        return bool(self.runs)


@dataclass(frozen=True)
class Change:
    """A new state, the moment (UTC) it dates from, and what it means for incidents."""

    state: MonitorState
    at: datetime
    opens: Cause | None = None
    resolves: bool = False
    silent: bool = False  # a resolution nobody needs to be told about


def on_deadline(state: MonitorState, grace: timedelta, now: datetime) -> Change | None:
    """Return the change if the deadline has passed at `now` (UTC), else None.

    Takes the grace instead of the rules, so that the detector never builds a schedule. The
    incident is dated at the deadline, not at `now`: a late check must not
    shorten the downtime a customer sees.
    """
    deadline = state.deadline_at
    if deadline is None or now < deadline:
        return None
    ran_over = state.expected_at is None or deadline < state.expected_at + grace
    cause = Cause.OVERRAN if ran_over else Cause.MISSED
    return Change(replace(state, status=Status.LATE, deadline_at=None), deadline, opens=cause)


def on_ping(
    state: MonitorState,
    rules: Rules,
    kind: PingKind,
    now: datetime,
    run_id: UUID | None = None,
    progress: Progress | None = None,
) -> list[Change]:
    """Return what a ping received at `now` (UTC) changes, a passed deadline first.

    An ignored ping changes nothing, not even the moment of the last one: the list is then empty.
    A `now` before the newest ping, from a clock that was set back, counts as that
    ping's moment: time never runs backwards.
    """
    if kind is PingKind.IGNORED:
        return []
    at = _not_before_last_ping(state, now)
    if state.status in UNWATCHED:
        return [Change(replace(state, last_ping_at=at), at)]
    settled = on_deadline(state, rules.grace, at)
    before = settled.state if settled else state
    if kind is PingKind.SUCCESS:
        change = _on_success(before, rules, at, run_id)
    elif kind is PingKind.FAIL:
        change = _on_fail(before, at, run_id)
    else:
        heard = open_runs.begin if kind is PingKind.START else open_runs.advance
        change = _on_run(before, rules, at, heard(before.runs, run_id, at, progress))
    return [settled, change] if settled else [change]


def on_unjudged_ping(
    state: MonitorState,
    grace: timedelta,
    kind: PingKind,
    now: datetime,
    run_id: UUID | None = None,
    progress: Progress | None = None,
) -> list[Change]:
    """Return what a ping changes while the monitor's schedule cannot be read, as `on_ping` does.

    A failure needs no schedule. A success ends its run and a log tells how far it is, but neither
    of them nor a start moves the deadline: that the owner is told in the end is better than
    silence.
    """
    if kind is PingKind.IGNORED:
        return []
    at = _not_before_last_ping(state, now)
    if state.status in UNWATCHED:
        return [Change(replace(state, last_ping_at=at), at)]
    settled = on_deadline(state, grace, at)
    before = settled.state if settled else state
    heard = replace(before, last_ping_at=at)
    if kind is PingKind.SUCCESS:
        heard = replace(heard, runs=open_runs.end(before.runs, run_id))
    elif kind is PingKind.LOG:
        heard = replace(heard, runs=open_runs.advance(before.runs, run_id, at, progress))
    change = _on_fail(before, at, run_id) if kind is PingKind.FAIL else Change(heard, at)
    return [settled, change] if settled else [change]


def on_pause(state: MonitorState, grace: timedelta, now: datetime) -> list[Change]:
    """Stop judging. A deadline that passed unnoticed is settled first; an open incident ends.

    Takes the grace instead of the rules, so that a monitor whose schedule cannot be read any
    more can be paused.
    """
    return _on_stop(state, Status.PAUSED, grace, now)


def on_freeze(state: MonitorState, grace: timedelta, now: datetime) -> list[Change]:
    """Stop judging as `on_pause` does, because the plan allows fewer monitors than there are.

    One that is not watched anyway stays as it is.
    """
    return [] if state.status in UNWATCHED else _on_stop(state, Status.FROZEN, grace, now)


def on_resume(state: MonitorState, rules: Rules, now: datetime) -> list[Change]:
    """Judge again, counting from `now` (UTC); one that never had a ping waits for its first."""
    return _on_return(state, rules, now) if state.status is Status.PAUSED else []


def on_thaw(state: MonitorState, rules: Rules, now: datetime) -> list[Change]:
    """Judge a frozen monitor again, as `on_resume` does: the last ping may be months old."""
    return _on_return(state, rules, now) if state.status is Status.FROZEN else []


def on_edit(state: MonitorState, old: Rules, new: Rules, now: datetime) -> list[Change]:
    """Apply new rules: the deadline is computed anew from the last success, never in the past.

    Where that would already have passed, or where the old deadline counted from something
    later (a resume, an edit), the schedule counts from `now` (UTC): an edit alone must not
    raise an alarm. A deadline that passed under the old rules stands.
    """
    at = _not_before_last_ping(state, now)
    settled = on_deadline(state, old.grace, at)
    if settled:
        return [settled]
    if state.deadline_at is None or state.expected_at is None:
        return []
    since = state.last_success_at or (state.runs[0].started_at if state.runs else at)
    counted_later = state.expected_at > old.schedule.next_after(since)
    if counted_later or new.schedule.next_after(since) + new.grace <= at:
        since = at
    judged = replace(state, runs=open_runs.move_limits(state.runs, new, at))
    return [Change(_expecting(judged, new, since), at)]


def _not_before_last_ping(state: MonitorState, now: datetime) -> datetime:
    """Return `now`, or the last ping's moment if `now` comes from a clock that was set back."""
    last = state.last_ping_at
    return now if last is None or last <= now else last


def _on_stop(state: MonitorState, status: Status, grace: timedelta, now: datetime) -> list[Change]:
    at = _not_before_last_ping(state, now)
    settled = on_deadline(state, grace, at)
    stopped = MonitorState(status, state.last_ping_at, state.last_success_at)
    change = Change(stopped, at, resolves=True, silent=True)
    return [settled, change] if settled else [change]


def _on_return(state: MonitorState, rules: Rules, now: datetime) -> list[Change]:
    at = _not_before_last_ping(state, now)
    if state.last_ping_at is None:
        return [Change(replace(state, status=Status.NEW), at)]
    return [Change(_expecting(replace(state, status=Status.UP), rules, at), at)]


def _on_success(state: MonitorState, rules: Rules, at: datetime, run_id: UUID | None) -> Change:
    # The incident of a run that took too long ends here, so nobody waits for that run any more.
    runs = state.runs and open_runs.drop_over(open_runs.end(state.runs, run_id), rules, at)
    counted = state.recovering + 1
    if counted < rules.successes_needed and state.status in IN_TROUBLE:
        heard = replace(state, last_ping_at=at, last_success_at=at, runs=runs, recovering=counted)
        return Change(heard, at)
    expected_at = rules.schedule.next_after(at)
    deadline_at = open_runs.first_limit(runs, rules, expected_at + rules.grace)
    # Built at once, without `replace`: nearly every ping comes by here.
    up = MonitorState(Status.UP, at, at, expected_at, deadline_at, runs)
    return Change(up, at, resolves=True)


def _on_fail(state: MonitorState, at: datetime, run_id: UUID | None) -> Change:
    left = open_runs.end(state.runs, run_id)
    failed = MonitorState(Status.FAILED, at, state.last_success_at, runs=left)
    return Change(failed, at, opens=Cause.FAILED)


def _on_run(state: MonitorState, rules: Rules, at: datetime, runs: tuple[Run, ...]) -> Change:
    expected_at, deadline_at = state.expected_at, state.deadline_at
    if runs and deadline_at is None and state.status is Status.NEW:
        # A first run that never ends must not go unwatched because no success armed the monitor.
        expected_at = deadline_at = rules.schedule.next_after(at)
    if expected_at is not None and deadline_at is not None:
        deadline_at = open_runs.first_limit(runs, rules, expected_at + rules.grace)
    heard = replace(state, last_ping_at=at, runs=runs)
    return Change(replace(heard, expected_at=expected_at, deadline_at=deadline_at), at)


def _expecting(state: MonitorState, rules: Rules, since: datetime) -> MonitorState:
    expected_at = rules.schedule.next_after(since)
    deadline_at = open_runs.first_limit(state.runs, rules, expected_at + rules.grace)
    return replace(state, expected_at=expected_at, deadline_at=deadline_at)
