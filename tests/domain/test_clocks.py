"""A clock that is set: how it shows, and what comes back with it."""

from datetime import UTC, datetime, timedelta

from earlywatch.domain.clocks import Jumps, on_clock_back
from earlywatch.domain.monitor import MonitorState, Rules, Status
from earlywatch.domain.runs import Run
from earlywatch.domain.schedule import Cron, Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEN = 10 * MINUTE


def test_a_clock_that_goes_on_shows_no_jump() -> None:
    jumps = Jumps()

    assert not jumps.knows
    assert jumps.look(NOON, 100.0) == timedelta(0)
    jumps.keep(NOON, 100.0)
    assert jumps.look(NOON + MINUTE, 160.5) == timedelta(0)
    assert jumps.knows


def test_a_clock_set_forward_or_back_shows_by_how_much() -> None:
    jumps = Jumps()
    jumps.keep(NOON, 100.0)

    assert jumps.look(NOON + TEN + MINUTE, 160.0) == TEN
    jumps.keep(NOON + TEN + MINUTE, 160.0)
    assert jumps.look(NOON + 2 * MINUTE, 220.0) == -TEN


def test_a_jump_is_seen_until_all_is_done_about_it() -> None:
    jumps = Jumps()
    jumps.keep(NOON, 100.0)

    assert jumps.look(NOON - TEN, 100.0) == -TEN
    assert jumps.look(NOON - TEN + MINUTE, 160.0) == -TEN
    jumps.keep(NOON - TEN + MINUTE, 160.0)
    assert jumps.look(NOON - TEN + MINUTE, 160.0) == timedelta(0)


def up(expected: datetime) -> MonitorState:
    run = Run(None, NOON - MINUTE, moved_at=NOON)
    return MonitorState(Status.UP, NOON, NOON, expected, expected + MINUTE, (run,))


def test_what_counts_from_ping_to_ping_goes_back_with_the_clock() -> None:
    rules = Rules(Interval(MINUTE), MINUTE)

    state = on_clock_back(up(NOON + MINUTE), rules, TEN, NOON - TEN)

    assert (state.last_ping_at, state.last_success_at) == (NOON - TEN, NOON - TEN)
    assert (state.expected_at, state.deadline_at) == (NOON - 9 * MINUTE, NOON - 8 * MINUTE)
    assert (state.runs[0].started_at, state.runs[0].moved_at) == (NOON - 11 * MINUTE, NOON - TEN)


def test_what_a_calendar_says_stands() -> None:
    rules = Rules(Cron("30 12 * * *", "UTC"), MINUTE)

    state = on_clock_back(up(NOON + 30 * MINUTE), rules, TEN, NOON - TEN)

    assert state.last_ping_at == NOON - TEN
    assert (state.expected_at, state.deadline_at) == (NOON + 30 * MINUTE, NOON + 31 * MINUTE)


def test_whoever_was_brought_back_does_not_lie_ahead_however_little_was_measured() -> None:
    rules = Rules(Interval(MINUTE), MINUTE)
    now = NOON - TEN

    state = on_clock_back(up(NOON + MINUTE), rules, TEN - MINUTE, now)

    assert state.last_ping_at == now
    assert state.deadline_at == now + 2 * MINUTE


def test_a_success_that_came_since_the_clock_was_set_counts_from_when_it_came() -> None:
    rules = Rules(Interval(MINUTE), MINUTE)
    came = NOON - TEN + timedelta(seconds=40)

    state = on_clock_back(up(NOON + MINUTE), rules, TEN, came + timedelta(seconds=5), came)

    assert (state.last_ping_at, state.last_success_at) == (came, came)
    assert (state.expected_at, state.deadline_at) == (came + MINUTE, came + 2 * MINUTE)
