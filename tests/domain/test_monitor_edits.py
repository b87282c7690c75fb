"""Edits of a monitor under way. A period of an hour and a grace of a minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain.monitor import (
    Cause,
    Change,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_edit,
    on_pause,
    on_ping,
    on_resume,
)
from earlywatch.domain.schedule import Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RULES = Rules(Interval(HOUR), MINUTE)
TIMED = Rules(Interval(HOUR), MINUTE, max_runtime=10 * MINUTE)
NEW = MonitorState()
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
RUNNING = on_ping(UP, TIMED, PingKind.START, NOON + MINUTE)[-1].state


def edited(state: MonitorState, new: Rules, now: datetime, old: Rules = RULES) -> Change:
    [change] = on_edit(state, old, new, now)
    return change


def test_an_edit_counts_from_the_last_success() -> None:
    change = edited(UP, Rules(Interval(2 * HOUR), 5 * MINUTE), NOON + HOUR / 2)

    assert change.state.expected_at == NOON + 2 * HOUR
    assert change.state.deadline_at == NOON + 2 * HOUR + 5 * MINUTE


def test_an_edit_that_would_have_passed_already_counts_from_now() -> None:
    change = edited(UP, Rules(Interval(10 * MINUTE), MINUTE), NOON + HOUR / 2)

    assert change.state.status is Status.UP
    assert change.state.deadline_at == NOON + 41 * MINUTE


def test_an_edit_after_a_resume_does_not_fall_back_to_the_success_before_the_pause() -> None:
    paused = on_pause(UP, RULES.grace, NOON + MINUTE)[-1].state
    resumed = on_resume(paused, RULES, NOON + HOUR)[-1].state

    change = edited(resumed, Rules(Interval(HOUR), 2 * MINUTE), NOON + HOUR + MINUTE)

    assert change.state.deadline_at == NOON + 2 * HOUR + 3 * MINUTE


def test_an_edit_does_not_undo_a_deadline_that_had_passed() -> None:
    change = edited(UP, Rules(Interval(10 * HOUR), MINUTE), NOON + 2 * HOUR)

    assert (change.opens, change.at) == (Cause.MISSED, NOON + HOUR + MINUTE)
    assert change.state.status is Status.LATE


def test_an_edit_of_the_longest_run_time_counts_for_the_run_under_way() -> None:
    change = edited(RUNNING, replace(TIMED, max_runtime=HOUR / 2), NOON, TIMED)

    assert change.state.deadline_at == NOON + 31 * MINUTE


def test_a_longest_run_time_that_is_over_at_the_edit_counts_from_the_edit() -> None:
    change = edited(RUNNING, replace(TIMED, max_runtime=2 * MINUTE), NOON + 8 * MINUTE, TIMED)

    assert change.state.deadline_at == NOON + 10 * MINUTE


@pytest.mark.parametrize(
    "state",
    [
        NEW,
        on_ping(UP, RULES, PingKind.FAIL, NOON)[-1].state,
        on_pause(UP, RULES.grace, NOON)[-1].state,
    ],
)
def test_an_edit_of_a_monitor_that_awaits_nothing_changes_nothing(state: MonitorState) -> None:
    assert on_edit(state, RULES, TIMED, NOON + HOUR) == []


def test_an_edit_of_a_late_monitor_changes_nothing() -> None:
    late = on_deadline(UP, MINUTE, NOON + 2 * HOUR)

    assert late
    assert on_edit(late.state, RULES, TIMED, NOON + 3 * HOUR) == []
