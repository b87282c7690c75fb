"""The waits between attempts."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.retry import MOST_ATTEMPTS, wait_after

NO_JITTER = 0.5


def waits(jitter: float) -> list[timedelta]:
    found = (wait_after(attempts, jitter) for attempts in range(1, MOST_ATTEMPTS))
    return [wait for wait in found if wait]


def test_waits_grow_to_an_hour() -> None:
    minutes = [wait / timedelta(minutes=1) for wait in waits(NO_JITTER)]

    assert minutes[:7] == [1, 2, 5, 15, 30, 60, 60]
    assert set(minutes[5:]) == {60}


@given(st.floats(0, 1, exclude_max=True))
def test_all_attempts_together_last_about_a_day(jitter: float) -> None:
    assert len(waits(jitter)) == MOST_ATTEMPTS - 1 == 29
    assert timedelta(hours=22) < sum(waits(jitter), timedelta(0)) < timedelta(hours=28)


@pytest.mark.parametrize("attempts", [MOST_ATTEMPTS, MOST_ATTEMPTS + 1, 1000])
def test_after_a_day_of_attempts_it_is_given_up(attempts: int) -> None:
    assert wait_after(attempts, NO_JITTER) is None


def test_jitter_spreads_a_wait_by_a_tenth_to_either_side() -> None:
    assert wait_after(1, 0) == timedelta(seconds=54)
    assert wait_after(1, 0.999999) == pytest.approx(
        timedelta(seconds=66), abs=timedelta(milliseconds=1)
    )


def test_asking_before_the_first_attempt_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        wait_after(0, NO_JITTER)
