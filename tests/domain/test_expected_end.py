"""When a run will be done, by what it told so far."""

from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain.runs import Progress, Run, read_runs

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(*numbers: tuple[int, float], total: float | None) -> Run:
    """A run that told these numbers so many minutes past noon."""
    run = Run(None, NOON)
    for minute, done in numbers:
        run = run.told(Progress(done, total), NOON + minute * MINUTE)
    return run


@pytest.mark.parametrize(
    ("done", "total", "left"),
    [(2, 10, 8), (5, 10, 2), (10, 10, 0), (12, 10, 0), (0, 10, None), (2, None, None)],
)
def test_the_expected_end_is_told_by_the_speed_so_far(
    done: float, total: float | None, left: int | None
) -> None:
    run = told((0, 0), (2, done), total=total)

    assert run.expected_end() == (None if left is None else NOON + (2 + left) * MINUTE)


def test_what_was_done_before_the_first_number_does_not_count_as_speed() -> None:
    went_on = told((0, 1000), (1, 1010), total=1200)
    looked_late = told((30, 1000), (31, 1005), (32, 1010), total=1200)

    assert went_on.expected_end() == NOON + 20 * MINUTE
    assert looked_late.expected_end() == NOON + (32 + 38) * MINUTE


def test_a_number_that_went_down_begins_anew() -> None:
    again = told((0, 0), (1, 90), (50, 10), (51, 20), total=100)

    assert again.expected_end() == NOON + (51 + 8) * MINUTE


def test_one_number_tells_no_speed() -> None:
    assert Run(None, NOON).expected_end() is None
    assert told((0, 300), total=1200).expected_end() is None
    assert told((5, 300), (6, 300), total=1200).expected_end() is None


def test_a_run_of_before_first_numbers_were_kept_has_a_speed_from_its_next_ones_on() -> None:
    stored = {"started_at": NOON.isoformat(), "done": 5, "total": 10, "moved_at": NOON.isoformat()}
    [run] = read_runs([stored])

    assert (run.progress, run.expected_end()) == (Progress(5, 10), None)
    run = run.told(Progress(6), NOON + MINUTE).told(Progress(7), NOON + 2 * MINUTE)
    assert run.expected_end() == NOON + 5 * MINUTE
