"""Runs that overlap, and how far they are. A period of an hour and a grace of a minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from earlywatch.domain.monitor import (
    Cause,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_edit,
    on_freeze,
    on_pause,
    on_ping,
)
from earlywatch.domain.runs import MOST_RUNS, Progress, Run, find
from earlywatch.domain.schedule import Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RULES = Rules(Interval(HOUR), MINUTE, max_runtime=20 * MINUTE, stall_after=5 * MINUTE)
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
A, B = UUID(int=1), UUID(int=2)
START, SUCCESS, FAIL, LOG = PingKind.START, PingKind.SUCCESS, PingKind.FAIL, PingKind.LOG


def after(
    state: MonitorState,
    kind: PingKind,
    minute: int,
    run_id: UUID | None = None,
    done: float | None = None,
) -> MonitorState:
    """The state after a ping so many minutes past noon."""
    progress = None if done is None else Progress(done, 10)
    return on_ping(state, RULES, kind, NOON + minute * MINUTE, run_id, progress)[-1].state


def running(*run_ids: UUID | None, state: MonitorState = UP) -> MonitorState:
    """Runs that have started one, two, … minutes past noon."""
    for minute, run_id in enumerate(run_ids, start=1):
        state = after(state, START, minute, run_id)
    return state


def ids(state: MonitorState) -> list[UUID | None]:
    return [run.id for run in state.runs]


def test_runs_overlap_each_with_its_own_start() -> None:
    state = running(A, None, B)

    assert [run.started_at for run in state.runs] == [NOON + n * MINUTE for n in (1, 2, 3)]
    assert ids(state) == [A, None, B]


def test_the_first_run_to_take_too_long_sets_the_deadline() -> None:
    assert running(A, B).deadline_at == NOON + 21 * MINUTE
    assert after(running(A, B), START, 3, A).deadline_at == NOON + 22 * MINUTE


@pytest.mark.parametrize("kind", [SUCCESS, FAIL])
@pytest.mark.parametrize(
    ("open_before", "run_id", "open_after"),
    [
        ([A, B], A, [B]),
        ([A, B], B, [A]),
        ([A, None], A, [None]),
        ([A, None], None, [A]),
        ([A, B], None, []),
        ([None], A, [None]),
        ([B], A, [B]),
        ([], A, []),
    ],
)
def test_an_end_ends_the_run_that_it_names(
    open_before: list[UUID | None],
    run_id: UUID | None,
    open_after: list[UUID | None],
    kind: PingKind,
) -> None:
    assert ids(after(running(*open_before), kind, 10, run_id)) == open_after


def test_an_unknown_run_id_still_counts_as_success_and_as_failure() -> None:
    assert after(running(A), SUCCESS, 10, B).last_success_at == NOON + 10 * MINUTE
    assert after(running(A), FAIL, 10, B).status is Status.FAILED


def test_runs_left_open_by_a_failure_are_judged_again_by_the_next_success() -> None:
    failed = after(running(A, B), FAIL, 10, A)
    assert failed.running
    assert failed.deadline_at is None

    back = after(failed, SUCCESS, 15, A)

    assert ids(back) == [B]
    assert back.deadline_at == NOON + 22 * MINUTE


def test_a_run_that_begins_while_it_failed_is_judged_by_the_next_success() -> None:
    state = after(after(after(UP, FAIL, 1), START, 2, A), SUCCESS, 3, B)

    assert state.deadline_at == NOON + 22 * MINUTE


def test_a_success_gives_up_the_runs_that_took_too_long_by_then() -> None:
    overran = on_deadline(running(A, B), MINUTE, NOON + 21 * MINUTE)
    assert overran

    state = after(overran.state, SUCCESS, 22, UUID(int=3))

    assert state.runs == ()
    assert state.status is Status.UP


def test_of_more_than_a_hundred_open_runs_the_oldest_goes() -> None:
    state = UP
    for number in range(MOST_RUNS + 30):
        state = after(state, START, 1, UUID(int=number + 1))

    assert ids(state) == [UUID(int=number + 31) for number in range(MOST_RUNS)]


@pytest.mark.parametrize("stop", [on_pause, on_freeze])
def test_a_pause_forgets_all_runs(stop: object) -> None:
    assert callable(stop)
    assert stop(running(A, B), MINUTE, NOON + 3 * MINUTE)[-1].state.runs == ()


def test_a_number_sets_the_stall_limit_and_a_change_moves_it_on() -> None:
    told = after(running(A), LOG, 2, A, done=1)
    moved = after(told, LOG, 6, A, done=2)

    assert told.deadline_at == NOON + 7 * MINUTE
    assert moved.deadline_at == NOON + 11 * MINUTE
    [run] = moved.runs
    assert (run.progress, run.moved_at) == (Progress(2, 10), NOON + 6 * MINUTE)
    assert (run.first_done, run.first_at) == (1, NOON + 2 * MINUTE)


def test_a_number_that_goes_down_has_changed_too() -> None:
    state = after(after(running(A), LOG, 2, A, done=5), LOG, 6, A, done=4)

    assert state.deadline_at == NOON + 11 * MINUTE


def test_the_same_number_again_does_not_move_the_stall_limit() -> None:
    state = after(after(running(A), LOG, 2, A, done=1), LOG, 6, A, done=1)

    assert state.deadline_at == NOON + 7 * MINUTE


def test_a_run_that_told_no_number_does_not_stall() -> None:
    state = after(running(A), LOG, 2, A)

    assert state.deadline_at == NOON + 21 * MINUTE


def test_progress_does_not_extend_the_longest_run_time() -> None:
    state = running(A)
    for minute in range(2, 20):
        state = after(state, LOG, minute, A, done=minute)

    assert state.deadline_at == NOON + 21 * MINUTE


def test_a_number_that_stands_still_too_long_overran_at_its_stall_limit() -> None:
    stalled = on_deadline(after(running(A), LOG, 2, A, done=1), MINUTE, NOON + HOUR)

    assert stalled
    assert (stalled.opens, stalled.at) == (Cause.OVERRAN, NOON + 7 * MINUTE)
    assert ids(stalled.state) == [A]


def test_a_start_may_tell_a_number_and_begins_anew() -> None:
    first = after(UP, START, 1, A, done=3)
    second = after(first, START, 4, A, done=3)
    third = after(second, START, 5, A)

    assert first.deadline_at == NOON + 6 * MINUTE
    assert second.deadline_at == NOON + 9 * MINUTE
    assert third.runs == (Run(A, NOON + 5 * MINUTE),)


@pytest.mark.parametrize(
    ("open_runs", "run_id", "told"),
    [
        ([A, B], B, B),
        ([A, None], None, None),
        ([A], None, A),
    ],
)
def test_a_log_tells_of_the_run_it_names_or_of_the_only_one(
    open_runs: list[UUID | None], run_id: UUID | None, told: UUID | None
) -> None:
    state = after(running(*open_runs), LOG, 5, run_id, done=1)

    assert [run.id for run in state.runs if run.progress] == [told]


@pytest.mark.parametrize(("open_runs", "run_id"), [([A, B], None), ([A], B), ([], A), ([], None)])
def test_a_log_that_names_no_open_run_changes_none_and_begins_none(
    open_runs: list[UUID | None], run_id: UUID | None
) -> None:
    before = running(*open_runs)

    assert after(before, LOG, 5, run_id, done=1).runs == before.runs


def test_a_number_while_it_is_late_is_kept_and_counts_from_the_next_success() -> None:
    late = on_deadline(after(running(A), LOG, 2, A, done=1), MINUTE, NOON + 7 * MINUTE)
    assert late
    moved = after(late.state, LOG, 8, A, done=2)
    assert (moved.status, moved.deadline_at) == (Status.LATE, None)

    back = after(moved, SUCCESS, 9, B)

    assert ids(back) == [A]
    assert back.deadline_at == NOON + 13 * MINUTE


def test_a_total_once_told_need_not_be_repeated() -> None:
    told = Run(A, NOON).told(Progress(1, 10), NOON).told(Progress(2), NOON + MINUTE)
    assert told.progress == Progress(2, 10)
    assert told.told(Progress(2, 12), NOON).progress == Progress(2, 12)


@pytest.mark.parametrize(
    ("max_runtime", "stall_after"), [(20 * MINUTE, MINUTE), (2 * MINUTE, 20 * MINUTE)]
)
def test_a_limit_that_is_over_at_an_edit_counts_from_the_edit(
    max_runtime: timedelta, stall_after: timedelta
) -> None:
    state = after(running(A), LOG, 2, A, done=1)
    new = replace(RULES, max_runtime=max_runtime, stall_after=stall_after)

    [change] = on_edit(state, RULES, new, NOON + 6 * MINUTE)
    other = on_ping(change.state, new, START, NOON + 6 * MINUTE, B)[-1].state

    due = NOON + 6 * MINUTE + min(max_runtime, stall_after)
    assert change.state.deadline_at == due
    assert other.deadline_at == due


def test_a_later_edit_forgets_that_a_limit_counted_from_an_earlier_one() -> None:
    shorter = replace(RULES, max_runtime=2 * MINUTE)
    [first] = on_edit(running(A), RULES, shorter, NOON + 6 * MINUTE)

    [second] = on_edit(first.state, shorter, RULES, NOON + 7 * MINUTE)

    assert second.state.deadline_at == NOON + 21 * MINUTE


def test_after_an_edit_a_number_that_moves_counts_from_its_movement() -> None:
    state = after(running(A), LOG, 2, A, done=1)
    new = replace(RULES, stall_after=2 * MINUTE)
    [change] = on_edit(state, RULES, new, NOON + 6 * MINUTE)

    moved = on_ping(change.state, new, LOG, NOON + 7 * MINUTE, A, Progress(2))[-1].state

    assert moved.deadline_at == NOON + 9 * MINUTE


def test_an_end_finds_the_start_of_its_own_run() -> None:
    runs = running(A, None).runs

    assert find(runs, A) == Run(A, NOON + MINUTE)
    assert find(runs, None) == Run(None, NOON + 2 * MINUTE)
    assert find(runs, B) is None
