"""The rules of a monitor: state and event in, state and incident changes out. No clock, no I/O.

Each `on_<event>` function returns the changes in the order in which they happened, so that
history is the same whether or not the detector looked in between.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from earlywatch.domain.schedule import Schedule
from earlywatch.errors import EarlywatchError

LONGEST_GRACE = timedelta(days=365)
SHORTEST_RUNTIME = timedelta(seconds=1)
LONGEST_RUNTIME = timedelta(days=365)


class InvalidMonitor(EarlywatchError):
    """A grace or longest run time that makes no sense."""


class Status(StrEnum):
    """What a monitor is; `DUE` is only shown, never stored."""

    NEW = "new"
    UP = "up"
    DUE = "due"
    LATE = "late"
    FAILED = "failed"
    PAUSED = "paused"  # the owner asked us to look away
    FROZEN = "frozen"  # the plan allows fewer than there are


UNWATCHED = (Status.PAUSED, Status.FROZEN)


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


@dataclass(frozen=True)
class Rules:
    """What the owner decided: when to expect a success and how patient to be."""

    schedule: Schedule
    grace: timedelta
    max_runtime: timedelta | None = None

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.grace <= LONGEST_GRACE:
            raise InvalidMonitor("The grace must be between 0 seconds and 365 days.")
        longest = self.max_runtime
        if longest is not None and not SHORTEST_RUNTIME <= longest <= LONGEST_RUNTIME:
            raise InvalidMonitor("The longest run time must be between 1 second and 365 days.")


@dataclass(frozen=True)
class MonitorState:
    """What we know of a monitor. All moments are UTC.

    `deadline_at` is set while a silence would mean trouble: when up, and when new with a
    job that has started. It is never later than `expected_at` + grace.
    """

    status: Status = Status.NEW
    last_ping_at: datetime | None = None
    last_success_at: datetime | None = None
    expected_at: datetime | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    run_id: UUID | None = None

    @property
    def running(self) -> bool:
        """A start came and no end yet."""
        return self.started_at is not None


@dataclass(frozen=True)
class Change:
    """A new state, the moment (UTC) it dates from, and what it means for incidents."""

    state: MonitorState
    at: datetime
    opens: Cause | None = None
    resolves: bool = False
    silent: bool = False  # a resolution nobody needs to be told about


def shown_status(state: MonitorState, now: datetime) -> Status:
    """Return the status to show at `now` (UTC): up turns into due inside the grace."""
    if state.status is Status.UP and state.expected_at is not None and now >= state.expected_at:
        return Status.DUE
    return state.status


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
) -> list[Change]:
    """Return what a ping received at `now` (UTC) changes, a passed deadline first.

    A `now` before the newest ping, from a clock that was set back, counts as that
    ping's moment: time never runs backwards.
    """
    at = _not_before_last_ping(state, now)
    if state.status in UNWATCHED:
        return [Change(replace(state, last_ping_at=at), at)]
    settled = on_deadline(state, rules.grace, at)
    before = replace(settled.state if settled else state, last_ping_at=at)
    if kind is PingKind.SUCCESS:
        change = _on_success(before, rules, at, run_id)
    elif kind is PingKind.FAIL:
        change = _on_fail(before, at)
    elif kind is PingKind.START:
        change = Change(_started(before, rules, at, run_id), at)
    else:
        change = Change(before, at)
    return [settled, change] if settled else [change]


def on_unjudged_ping(
    state: MonitorState,
    grace: timedelta,
    kind: PingKind,
    now: datetime,
    run_id: UUID | None = None,
) -> list[Change]:
    """Return what a ping changes while the monitor's schedule cannot be read, as `on_ping` does.

    A failure needs no schedule. A success ends its run, but neither it nor a start moves the
    deadline: that the owner is told in the end is better than silence.
    """
    at = _not_before_last_ping(state, now)
    if state.status in UNWATCHED:
        return [Change(replace(state, last_ping_at=at), at)]
    settled = on_deadline(state, grace, at)
    heard = replace(settled.state if settled else state, last_ping_at=at)
    if kind is PingKind.SUCCESS and run_id in (None, state.run_id):
        heard = replace(heard, started_at=None, run_id=None)
    change = _on_fail(heard, at) if kind is PingKind.FAIL else Change(heard, at)
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
    since = state.last_success_at or state.started_at or at
    counted_later = state.expected_at > old.schedule.next_after(since)
    if counted_later or new.schedule.next_after(since) + new.grace <= at:
        since = at
    return [Change(_with_deadline(_expecting(state, new, since), new, not_before=at), at)]


def _not_before_last_ping(state: MonitorState, now: datetime) -> datetime:
    """Return `now`, or the last ping's moment if `now` comes from a clock that was set back."""
    return max(now, state.last_ping_at or now)


def _on_stop(state: MonitorState, status: Status, grace: timedelta, now: datetime) -> list[Change]:
    at = _not_before_last_ping(state, now)
    settled = on_deadline(state, grace, at)
    stopped = _at_rest(settled.state if settled else state, status)
    change = Change(stopped, at, resolves=True, silent=True)
    return [settled, change] if settled else [change]


def _on_return(state: MonitorState, rules: Rules, now: datetime) -> list[Change]:
    at = _not_before_last_ping(state, now)
    if state.last_ping_at is None:
        return [Change(replace(state, status=Status.NEW), at)]
    return [Change(_expecting(replace(state, status=Status.UP), rules, at), at)]


def _on_success(state: MonitorState, rules: Rules, at: datetime, run_id: UUID | None) -> Change:
    other_run = run_id is not None and run_id != state.run_id
    if not other_run or _limit_passed(state, rules, at):
        state = replace(state, started_at=None, run_id=None)
    up = replace(state, status=Status.UP, last_success_at=at)
    return Change(_expecting(up, rules, at), at, resolves=True)


def _on_fail(state: MonitorState, at: datetime) -> Change:
    return Change(_at_rest(state, Status.FAILED), at, opens=Cause.FAILED)


def _at_rest(state: MonitorState, status: Status) -> MonitorState:
    """No silence means trouble any more: nothing is expected, and no run is waited for."""
    nothing = {"expected_at": None, "deadline_at": None, "started_at": None, "run_id": None}
    return replace(state, status=status, **nothing)


def _started(state: MonitorState, rules: Rules, at: datetime, run_id: UUID | None) -> MonitorState:
    running = replace(state, started_at=at, run_id=run_id)
    if state.deadline_at is not None:
        return _with_deadline(running, rules)
    if state.status is Status.NEW:
        # A first run that never ends must not go unwatched because no success armed the monitor.
        return _expecting(running, rules, at)
    return running


def _limit_passed(state: MonitorState, rules: Rules, at: datetime) -> bool:
    if state.started_at is None or rules.max_runtime is None:
        return False
    return state.started_at + rules.max_runtime <= at


def _expecting(state: MonitorState, rules: Rules, since: datetime) -> MonitorState:
    return _with_deadline(replace(state, expected_at=rules.schedule.next_after(since)), rules)


def _with_deadline(
    state: MonitorState, rules: Rules, not_before: datetime | None = None
) -> MonitorState:
    """Set the deadline; a run limit that was over at `not_before` (UTC) counts from there."""
    assert state.expected_at is not None
    deadline = state.expected_at + rules.grace
    if state.started_at is not None and rules.max_runtime is not None:
        since = state.started_at
        if not_before is not None and since + rules.max_runtime <= not_before:
            since = not_before
        deadline = min(deadline, since + rules.max_runtime)
    return replace(state, deadline_at=deadline)
