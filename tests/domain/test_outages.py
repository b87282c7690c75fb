"""Outages of ours: how they are noticed, and that they never look like the jobs'."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from earlywatch.domain.monitor import (
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_ping,
)
from earlywatch.domain.outages import DEAF_AFTER, SOON, Gap, first_gap, on_outage, without_rules
from earlywatch.domain.runs import Run
from earlywatch.domain.schedule import Cron, Interval, Schedule
from earlywatch.domain.shown import is_in_doubt, shown_status

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
seconds = st.integers(0, 3600).map(lambda count: timedelta(seconds=count))


def expecting(schedule: Schedule, grace: timedelta, last: datetime) -> MonitorState:
    """The state after a success."""
    [change] = on_ping(MonitorState(), Rules(schedule, grace), PingKind.SUCCESS, last)
    return change.state


def beats(*offsets: int) -> list[datetime]:
    return [NOON + offset * SECOND for offset in offsets]


def test_a_canary_that_comes_every_few_seconds_leaves_no_gap() -> None:
    assert first_gap(NOON, beats(2, 4, 6, 21), NOON + 36 * SECOND) is None


def test_the_first_gap_that_is_too_long_is_found_and_where_it_ends() -> None:
    found = first_gap(NOON, beats(2, 18, 40, 80), NOON + 80 * SECOND)

    assert found == Gap(NOON + 2 * SECOND, NOON + 18 * SECOND)


def test_a_gap_up_to_now_has_no_end_yet() -> None:
    now = NOON + 2 * SECOND + DEAF_AFTER + SECOND

    assert first_gap(NOON, beats(2), now) == Gap(NOON + 2 * SECOND)


def test_a_clock_that_was_set_back_leaves_no_gap() -> None:
    assert first_gap(NOON, beats(2, -598, -596), NOON - 590 * SECOND) is None
    assert first_gap(NOON - 599 * SECOND, beats(2, -598), NOON - 597 * SECOND) is None


@given(
    period=st.integers(60, 7200).map(lambda count: timedelta(seconds=count)),
    grace=st.integers(1, 7200).map(lambda count: timedelta(seconds=count)),
    offset=st.integers(0, 59).map(lambda count: timedelta(seconds=count)),
    length=st.integers(6, 20_000).map(lambda count: timedelta(seconds=count)),
)
@example(period=MINUTE, grace=SECOND, offset=30 * SECOND, length=636 * SECOND)
@example(period=MINUTE, grace=SECOND, offset=58 * SECOND, length=6 * SECOND)
@example(period=HOUR, grace=SECOND, offset=59 * SECOND, length=2 * HOUR)
def test_a_job_that_pings_every_minute_is_never_late_for_an_outage_of_ours(
    period: timedelta, grace: timedelta, offset: timedelta, length: timedelta
) -> None:
    began, ended = NOON, NOON + length
    rules = Rules(Interval(period), grace)
    state = expecting(rules.schedule, grace, began - offset)
    next_ping = began - offset + ((length + offset) // MINUTE + 1) * MINUTE

    moved = on_outage(state, rules, began, ended)

    assert moved.deadline_at is not None
    assert moved.deadline_at > next_ping > ended


@given(
    period=st.integers(10, 7200).map(lambda count: timedelta(seconds=count)),
    grace=seconds,
    offset=st.integers(0, 7200).map(lambda count: timedelta(seconds=count)),
    length=st.integers(6, 20_000).map(lambda count: timedelta(seconds=count)),
)
def test_a_job_that_stopped_is_late_within_its_grace_and_the_length_or_minutes(
    period: timedelta, grace: timedelta, offset: timedelta, length: timedelta
) -> None:
    began, ended = NOON, NOON + length
    rules = Rules(Interval(period), grace)
    state = expecting(rules.schedule, grace, began - min(offset, period))
    assert state.expected_at is not None

    moved = on_outage(state, rules, began, ended)

    at_the_latest = max(ended, state.expected_at) + grace + max(length, SOON)
    assert moved.deadline_at is not None
    assert on_deadline(moved, grace, at_the_latest) is not None


def test_what_was_late_before_the_outage_stays_late() -> None:
    rules = Rules(Interval(MINUTE), MINUTE)
    state = expecting(rules.schedule, rules.grace, NOON - 3 * MINUTE)

    assert on_outage(state, rules, NOON, NOON + HOUR) is state


def test_what_is_expected_after_the_outage_stays_expected_then() -> None:
    rules = Rules(Interval(HOUR), MINUTE)
    state = expecting(rules.schedule, rules.grace, NOON - 10 * MINUTE)

    assert on_outage(state, rules, NOON, NOON + 10 * MINUTE) == state


def test_a_rare_job_is_expected_later_by_the_length_of_the_outage() -> None:
    rules = Rules(Cron("5 12 * * *", "UTC"), 20 * MINUTE)
    state = expecting(rules.schedule, rules.grace, NOON - 23 * HOUR)

    moved = on_outage(state, rules, NOON, NOON + 10 * MINUTE)

    assert moved.expected_at == NOON + 15 * MINUTE
    assert moved.deadline_at == NOON + 35 * MINUTE


def test_a_job_that_fell_into_the_outage_more_than_once_is_expected_at_its_next_time() -> None:
    rules = Rules(Cron("*/5 * * * *", "UTC"), SECOND)
    state = expecting(rules.schedule, rules.grace, NOON - 2 * MINUTE)

    moved = on_outage(state, rules, NOON - MINUTE, NOON + 11 * MINUTE)

    assert moved.expected_at == NOON + 15 * MINUTE


@pytest.mark.parametrize(
    ("cron", "before"), [("* * * * *", 58), ("*/5 * * * *", 298)], ids=["minutely", "five minutes"]
)
def test_a_frequent_job_whose_ping_was_lost_in_seconds_is_expected_at_its_next_time(
    cron: str, before: int
) -> None:
    rules = Rules(Cron(cron, "UTC"), SECOND)
    began = NOON - 2 * SECOND
    state = expecting(rules.schedule, rules.grace, NOON - before * SECOND)

    moved = on_outage(state, rules, began, began + 8 * SECOND)

    assert moved.expected_at == rules.schedule.next_after(NOON)


def test_a_grace_that_had_begun_goes_on_where_it_was() -> None:
    rules = Rules(Interval(HOUR), 10 * MINUTE)
    state = expecting(rules.schedule, rules.grace, NOON - HOUR - 4 * MINUTE)

    moved = on_outage(state, rules, NOON, NOON + 10 * MINUTE)

    assert moved.deadline_at == NOON + 16 * MINUTE


def test_an_open_run_may_take_longer_by_what_was_not_heard_of_it() -> None:
    rules = Rules(Interval(24 * HOUR), HOUR, max_runtime=30 * MINUTE, stall_after=5 * MINUTE)
    runs = (Run(UUID(int=1), NOON - 20 * MINUTE), Run(UUID(int=2), NOON + 4 * MINUTE))
    state = replace(expecting(rules.schedule, rules.grace, NOON - HOUR), runs=runs)

    moved = on_outage(state, rules, NOON, NOON + 10 * MINUTE)

    assert [run.ends_by(rules) for run in moved.runs] == [NOON + 20 * MINUTE, NOON + 40 * MINUTE]
    assert moved.deadline_at == NOON + 20 * MINUTE


def test_rules_that_cannot_be_read_move_all_the_same() -> None:
    state = expecting(Interval(HOUR), MINUTE, NOON - HOUR)

    moved = without_rules(state, NOON, NOON + 10 * MINUTE)

    assert moved.deadline_at == NOON + 11 * MINUTE


def test_what_is_waited_for_is_unknown_while_we_cannot_hear() -> None:
    state = expecting(Interval(MINUTE), MINUTE, NOON)

    assert shown_status(state, NOON + 70 * SECOND, NOON + 30 * SECOND) is Status.UNKNOWN
    assert shown_status(state, NOON + 50 * SECOND, NOON + 30 * SECOND) is Status.UP
    assert shown_status(state, NOON + 70 * SECOND) is Status.DUE
    assert not is_in_doubt(state, NOON + 3 * MINUTE, NOON + 2 * MINUTE)
