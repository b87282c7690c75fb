"""The rules of a monitor, one sentence each. A period of an hour and a grace of a minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from earlywatch.domain.monitor import (
    Cause,
    InvalidMonitor,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_pause,
    on_ping,
)
from earlywatch.domain.runs import Run
from earlywatch.domain.schedule import Cron, Interval
from earlywatch.domain.shown import shown_status

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RULES = Rules(Interval(HOUR), MINUTE)
TIMED = Rules(Interval(HOUR), MINUTE, max_runtime=10 * MINUTE)
NEW = MonitorState()
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
ONE_RUN, OTHER_RUN = UUID(int=1), UUID(int=2)


def after_ping(
    state: MonitorState,
    kind: PingKind,
    now: datetime,
    rules: Rules = RULES,
    run_id: UUID | None = None,
) -> MonitorState:
    return on_ping(state, rules, kind, now, run_id)[-1].state


def started(at: datetime, run_id: UUID | None = None, state: MonitorState = UP) -> MonitorState:
    return after_ping(state, PingKind.START, at, TIMED, run_id)


def late(state: MonitorState = UP) -> MonitorState:
    assert state.deadline_at is not None
    change = on_deadline(state, MINUTE, state.deadline_at)
    assert change is not None
    return change.state


def test_a_new_monitor_waits_for_its_first_ping_without_judging() -> None:
    assert on_deadline(NEW, MINUTE, NOON + 1000 * HOUR) is None


def test_a_success_makes_it_up_and_expects_the_next_a_period_later() -> None:
    [change] = on_ping(NEW, RULES, PingKind.SUCCESS, NOON)

    assert change.state == UP
    assert change.at == NOON
    assert change.opens is None


def test_a_success_before_the_schedule_is_due_expects_the_next_time_of_the_schedule() -> None:
    rules = Rules(Cron("0 13 * * *", "UTC"), MINUTE)

    state = after_ping(NEW, PingKind.SUCCESS, NOON, rules)

    assert state.expected_at == NOON + HOUR
    assert state.deadline_at == NOON + HOUR + MINUTE


@pytest.mark.parametrize("trouble", [late(), after_ping(UP, PingKind.FAIL, NOON + MINUTE)])
def test_a_success_ends_trouble_at_its_own_moment(trouble: MonitorState) -> None:
    back = NOON + 5 * HOUR

    [change] = on_ping(trouble, RULES, PingKind.SUCCESS, back)

    assert change.resolves
    assert not change.silent
    assert change.at == back
    assert change.state.status is Status.UP
    assert change.state.deadline_at == back + HOUR + MINUTE


def test_silence_up_to_the_deadline_is_no_trouble() -> None:
    assert on_deadline(UP, MINUTE, NOON + HOUR + MINUTE - timedelta(microseconds=1)) is None


def test_silence_becomes_late_at_the_deadline_whenever_it_is_noticed() -> None:
    for noticed in (NOON + HOUR + MINUTE, NOON + 30 * HOUR):
        change = on_deadline(UP, MINUTE, noticed)

        assert change is not None
        assert change.at == NOON + HOUR + MINUTE
        assert change.opens is Cause.MISSED
        assert change.state.status is Status.LATE
        assert change.state.deadline_at is None


def test_silence_is_judged_once() -> None:
    assert on_deadline(late(), MINUTE, NOON + 1000 * HOUR) is None


def test_a_success_first_settles_a_deadline_that_nobody_noticed() -> None:
    back = NOON + 3 * HOUR

    missed, success = on_ping(UP, RULES, PingKind.SUCCESS, back)

    assert (missed.opens, missed.at) == (Cause.MISSED, NOON + HOUR + MINUTE)
    assert (success.resolves, success.at) == (True, back)
    assert success.state.status is Status.UP


@pytest.mark.parametrize("kind", [kind for kind in PingKind if kind is not PingKind.IGNORED])
def test_every_ping_first_settles_a_deadline_that_nobody_noticed(kind: PingKind) -> None:
    missed, _ = on_ping(UP, RULES, kind, NOON + 3 * HOUR)

    assert (missed.opens, missed.at) == (Cause.MISSED, NOON + HOUR + MINUTE)


def test_a_start_is_remembered_and_is_no_success() -> None:
    state = started(NOON + MINUTE, ONE_RUN)

    assert state.running
    assert state.runs == (Run(ONE_RUN, NOON + MINUTE),)
    assert state.status is Status.UP
    assert state.last_success_at == NOON
    assert state.last_ping_at == NOON + MINUTE


def test_a_start_brings_the_deadline_forward_to_the_longest_run_time() -> None:
    assert started(NOON + MINUTE).deadline_at == NOON + 11 * MINUTE


def test_a_start_never_puts_the_deadline_off() -> None:
    assert started(NOON + 55 * MINUTE).deadline_at == UP.deadline_at


def test_without_a_longest_run_time_a_start_leaves_the_deadline_alone() -> None:
    assert after_ping(UP, PingKind.START, NOON + MINUTE).deadline_at == UP.deadline_at


def test_a_run_that_takes_too_long_overran_and_is_dated_at_its_limit() -> None:
    change = on_deadline(started(NOON + MINUTE), MINUTE, NOON + HOUR)

    assert change is not None
    assert change.opens is Cause.OVERRAN
    assert change.at == NOON + 11 * MINUTE
    assert change.state.running


def test_the_same_run_starting_again_moves_its_limit_on() -> None:
    state = started(NOON + 5 * MINUTE, ONE_RUN, started(NOON + MINUTE, ONE_RUN))

    assert state.deadline_at == NOON + 15 * MINUTE


def test_a_new_monitor_that_has_started_is_judged() -> None:
    state = started(NOON, state=NEW)

    assert state.status is Status.NEW
    assert state.deadline_at == NOON + 10 * MINUTE
    assert late(state).status is Status.LATE


@pytest.mark.parametrize("run_id", [None, ONE_RUN])
def test_a_success_ends_the_run(run_id: UUID | None) -> None:
    running = started(NOON + MINUTE, ONE_RUN)

    state = after_ping(running, PingKind.SUCCESS, NOON + 5 * MINUTE, TIMED, run_id)

    assert not state.running
    assert state.deadline_at == NOON + HOUR + 6 * MINUTE


def test_a_success_of_another_run_leaves_this_one_running_with_its_limit() -> None:
    state = after_ping(
        started(NOON + MINUTE, ONE_RUN), PingKind.SUCCESS, NOON + 2 * MINUTE, TIMED, OTHER_RUN
    )

    assert state.runs == (Run(ONE_RUN, NOON + MINUTE),)
    assert state.deadline_at == NOON + 11 * MINUTE


def test_a_success_of_another_run_gives_up_a_run_that_overran() -> None:
    state = after_ping(
        late(started(NOON + MINUTE, ONE_RUN)), PingKind.SUCCESS, NOON + HOUR, TIMED, OTHER_RUN
    )

    assert not state.running
    assert state.deadline_at == NOON + 2 * HOUR + MINUTE


def test_a_failure_opens_trouble_at_its_own_moment() -> None:
    [change] = on_ping(started(NOON + MINUTE), TIMED, PingKind.FAIL, NOON + 2 * MINUTE)

    assert (change.opens, change.at) == (Cause.FAILED, NOON + 2 * MINUTE)
    assert change.state.status is Status.FAILED
    assert change.state.deadline_at is None
    assert not change.state.running


def test_a_failed_monitor_does_not_become_late() -> None:
    failed = after_ping(UP, PingKind.FAIL, NOON + MINUTE)

    assert on_deadline(failed, MINUTE, NOON + 1000 * HOUR) is None


def test_a_log_is_stored_and_changes_nothing_else() -> None:
    assert after_ping(UP, PingKind.LOG, NOON + MINUTE) == replace(UP, last_ping_at=NOON + MINUTE)
    assert after_ping(NEW, PingKind.LOG, NOON) == replace(NEW, last_ping_at=NOON)


@pytest.mark.parametrize("state", [NEW, UP, late(), after_ping(UP, PingKind.FAIL, NOON)])
def test_an_ignored_ping_changes_nothing_not_even_when_it_was_heard_last(
    state: MonitorState,
) -> None:
    assert on_ping(state, RULES, PingKind.IGNORED, NOON + 3 * HOUR) == []


def test_a_clock_that_was_set_back_moves_nothing_back() -> None:
    state = after_ping(UP, PingKind.SUCCESS, NOON - HOUR)

    assert state == UP
    assert on_pause(UP, RULES.grace, NOON - HOUR)[-1].at == NOON


def test_up_is_shown_as_due_inside_the_grace() -> None:
    assert shown_status(UP, NOON + HOUR - SECOND) is Status.UP
    assert shown_status(UP, NOON + HOUR) is Status.DUE
    assert shown_status(late(), NOON + 2 * HOUR) is Status.LATE
    assert shown_status(NEW, NOON) is Status.NEW


@pytest.mark.parametrize("grace", [-SECOND, timedelta(days=365, seconds=1)])
def test_a_grace_outside_0_s_to_365_days_is_refused(grace: timedelta) -> None:
    with pytest.raises(InvalidMonitor, match="between 0 seconds and 365 days"):
        Rules(Interval(HOUR), grace)


@pytest.mark.parametrize("longest", [timedelta(0), timedelta(days=366)])
def test_a_longest_run_time_outside_1_s_to_365_days_is_refused(longest: timedelta) -> None:
    with pytest.raises(InvalidMonitor, match="between 1 second and 365 days"):
        Rules(Interval(HOUR), MINUTE, longest)


@pytest.mark.parametrize("stall", [timedelta(0), timedelta(days=366)])
def test_a_longest_standstill_outside_1_s_to_365_days_is_refused(stall: timedelta) -> None:
    with pytest.raises(InvalidMonitor, match="longest standstill must be between 1 second and 365"):
        Rules(Interval(HOUR), MINUTE, stall_after=stall)
