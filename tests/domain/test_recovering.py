"""A monitor in trouble is back once it succeeded often enough in a row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.monitor import (
    InvalidMonitor,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_pause,
    on_ping,
)
from earlywatch.domain.schedule import Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
LETTERS = {
    "S": PingKind.SUCCESS,
    "F": PingKind.FAIL,
    "B": PingKind.START,
    "L": PingKind.LOG,
    "I": PingKind.IGNORED,
}


def rules(needed: int) -> Rules:
    return Rules(Interval(HOUR), MINUTE, successes_needed=needed)


def after(pings: str, needed: int, state: MonitorState = UP) -> tuple[MonitorState, int]:
    """Return the state after pings a minute apart, and how often it was back."""
    backs, at = 0, NOON
    for letter in pings:
        at += MINUTE
        for change in on_ping(state, rules(needed), LETTERS[letter], at):
            backs += change.resolves and state.status is not Status.UP
            state = change.state
    return state, backs


def test_the_last_success_needed_ends_the_trouble() -> None:
    almost, _ = after("FSS", 3)
    back, ends = after("FSSS", 3)

    assert (almost.status, almost.recovering) == (Status.FAILED, 2)
    assert almost.deadline_at is None
    assert (back.status, back.recovering, ends) == (Status.UP, 0, 1)


def test_a_failure_begins_anew() -> None:
    state, backs = after("FSSFSS", 3)

    assert (state.status, state.recovering, backs) == (Status.FAILED, 2, 0)


def test_starts_and_logs_leave_the_count() -> None:
    assert after("FSBLIS", 3)[0].recovering == 2


def test_a_success_that_comes_late_is_the_first_of_those_needed() -> None:
    late, recovering = on_ping(UP, rules(2), PingKind.SUCCESS, NOON + 3 * HOUR)

    assert late.opens
    assert (recovering.state.status, recovering.state.recovering) == (Status.LATE, 1)
    assert not recovering.resolves


def test_without_trouble_one_success_is_enough() -> None:
    state, _ = after("SS", 5)
    new, _ = after("S", 5, MonitorState())

    assert state.status is new.status is Status.UP


def test_a_pause_forgets_the_count() -> None:
    state, _ = after("FSS", 5)

    assert on_pause(state, MINUTE, NOON + HOUR)[-1].state.recovering == 0


@pytest.mark.parametrize("needed", [0, 11])
def test_too_few_and_too_many_are_refused(needed: int) -> None:
    with pytest.raises(InvalidMonitor):
        rules(needed)


@given(st.text("SFBLI", max_size=30), st.integers(1, 10), st.booleans())
def test_it_is_back_with_the_last_of_so_many_in_a_row(
    pings: str,
    needed: int,
    late: bool,
) -> None:
    begun = on_deadline(UP, MINUTE, NOON + HOUR + MINUTE) if late else None
    state = begun.state if begun else UP
    begins = NOON + HOUR + MINUTE
    in_trouble, row = late, 0
    for n, letter in enumerate(pings):
        for change in on_ping(state, rules(needed), LETTERS[letter], begins + n * MINUTE):
            state = change.state
        if letter == "F":
            in_trouble, row = True, 0
        elif letter == "S" and in_trouble:
            row += 1
            in_trouble = row < needed
            row = row if in_trouble else 0
        if state.status is not Status.LATE or late:
            assert (state.recovering, state.deadline_at is None) == (row, in_trouble)
        else:
            break  # so many pings that it got late on the way: said above
