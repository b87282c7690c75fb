"""When there are enough failures, whatever came before and whatever does not come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.failures import Ended, Patience, Silence, enough_at
from earlywatch.domain.monitor import InvalidMonitor
from earlywatch.domain.schedule import Cron, Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURLY = Silence(Interval(HOUR), MINUTE, NOON + HOUR)
FIRST = Ended(NOON, failed=True)


def runs(results: str, at: datetime = NOON) -> list[Ended]:
    """Runs a minute apart: F failed, S did not."""
    return [Ended(at + n * MINUTE, letter == "F") for n, letter in enumerate(results)]


def test_one_failure_is_enough_at_once() -> None:
    assert enough_at(Patience(), [], [FIRST], HOURLY) == NOON


def test_silence_fails_at_each_deadline() -> None:
    assert enough_at(Patience(3), [], [FIRST], HOURLY) == NOON + 2 * HOUR + MINUTE


def test_a_schedule_of_the_wall_clock_is_followed() -> None:
    nightly = Cron("0 2 * * *", "Europe/Berlin")
    silence = Silence(nightly, MINUTE, nightly.next_after(NOON))

    second = enough_at(Patience(2), [], [FIRST], silence)

    assert second == datetime(2026, 11, 21, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("patience", "before", "since", "minutes"),
    [
        (Patience(3), "FFF", "FF", None),  # what ended is over
        (Patience(3), "", "FSFFF", 4),
        (Patience(2, 4), "FSSS", "F", None),
        (Patience(2, 4), "SSFS", "F", 0),
        (Patience(3, 5), "FS", "FSF", 2),
    ],
)
def test_only_the_last_runs_count(
    patience: Patience, before: str, since: str, minutes: int | None
) -> None:
    earlier = runs(before, NOON - HOUR) if patience.of else []

    at = enough_at(patience, earlier, runs(since), HOURLY)

    assert (at > NOON + HOUR) if minutes is None else (at == NOON + minutes * MINUTE)


def test_what_was_missed_between_two_runs_counts() -> None:
    at = enough_at(Patience(3), [], [FIRST, Ended(NOON + 90 * MINUTE, failed=True)], HOURLY)

    assert at == NOON + 90 * MINUTE


def test_what_was_missed_while_we_could_not_hear_does_not_count() -> None:
    deaf = [(NOON + 50 * MINUTE, NOON + 70 * MINUTE)]
    silence = Silence(Interval(HOUR), MINUTE, NOON + HOUR, deaf)

    assert enough_at(Patience(2), [], [FIRST], silence) == NOON + 2 * HOUR + MINUTE


@pytest.mark.parametrize(("needed", "of"), [(0, None), (11, None), (3, 2), (1, 1), (2, 21)])
def test_what_makes_no_sense_is_refused(needed: int, of: int | None) -> None:
    with pytest.raises(InvalidMonitor):
        Patience(needed, of)


def test_patience_has_words() -> None:
    assert Patience(1).words() == "1 failure"
    assert Patience(3).words() == "3 failures in a row"
    assert Patience(3, 5).words() == "3 failures of 5 runs"


@given(st.text("FS", max_size=20), st.text("FS", max_size=20), st.integers(1, 10), st.data())
def test_nobody_waits_longer_than_silence_takes(
    before: str, later: str, needed: int, data: st.DataObject
) -> None:
    of = data.draw(st.none() | st.integers(max(needed, 2), 20))
    since = runs("F" + later)
    history = runs(before, NOON - HOUR) if of else []

    at = enough_at(Patience(needed, of), history, since, HOURLY)

    assert NOON <= at <= since[-1].at + (of or needed) * HOUR + MINUTE
    told = [run for run in [*history, *since] if run.at <= at]
    if at <= since[-1].at:
        assert sum(run.failed for run in told[-(of or needed) :]) >= needed
