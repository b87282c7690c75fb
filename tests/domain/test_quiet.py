"""Quiet hours: over midnight, on some days, and when clocks change."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from earlywatch.domain.quiet import InvalidQuiet, Quiet, quiet_until
from earlywatch.domain.zone import InvalidSchedule

MINUTE = timedelta(minutes=1)
NIGHT = Quiet(time(22), time(7), "Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
DAYS = st.lists(st.integers(1, 7), unique=True).map(tuple)
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 365 * 86_400).map(lambda after: START + timedelta(seconds=after))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def end(quiet: Quiet, now: str) -> str | None:
    found = quiet_until(quiet, utc(now))
    return f"{found:%Y-%m-%d %H:%M}" if found else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20 20:59", None),
        ("2026-11-20 21:00", "2026-11-21 06:00"),
        ("2026-11-20 23:30", "2026-11-21 06:00"),
        ("2026-11-21 05:59", "2026-11-21 06:00"),
        ("2026-11-21 06:00", None),
    ],
)
def test_a_night_lasts_over_midnight(now: str, expected: str | None) -> None:
    assert end(NIGHT, now) == expected


def test_hours_within_a_day_end_on_it() -> None:
    noon = Quiet(time(12), time(13, 30), "UTC")

    assert end(noon, "2026-11-20 12:00") == "2026-11-20 13:30"
    assert end(noon, "2026-11-20 13:30") is None


def test_days_are_those_on_which_it_begins() -> None:
    friday = Quiet(time(22), time(7), "UTC", (5,))

    assert end(friday, "2026-11-20 23:00") == "2026-11-21 07:00"  # the night of Friday
    assert end(friday, "2026-11-21 06:00") == "2026-11-21 07:00"
    assert end(friday, "2026-11-21 23:00") is None
    assert end(friday, "2026-11-20 06:00") is None


def test_a_time_that_is_skipped_is_the_moment_after_the_gap() -> None:
    until_skipped = Quiet(time(22), time(2, 30), "Europe/Berlin")
    from_skipped = Quiet(time(2, 30), time(5), "Europe/Berlin")

    assert end(until_skipped, "2026-03-29 00:30") == "2026-03-29 01:00"
    assert end(from_skipped, "2026-03-29 00:59") is None
    assert end(from_skipped, "2026-03-29 01:00") == "2026-03-29 03:00"


def test_a_time_that_comes_twice_is_the_first() -> None:
    until_twice = Quiet(time(22), time(2, 30), "Europe/Berlin")
    from_twice = Quiet(time(2, 30), time(5), "Europe/Berlin")

    assert end(until_twice, "2026-10-25 00:00") == "2026-10-25 00:30"
    assert end(until_twice, "2026-10-25 00:30") is None
    assert end(from_twice, "2026-10-25 00:30") == "2026-10-25 04:00"


def test_hours_that_meet_because_clocks_go_forward_are_one() -> None:
    nearly_always = Quiet(time(2, 30), time(2, 15), "Europe/Berlin")

    assert end(nearly_always, "2026-03-28 12:00") == "2026-03-30 00:15"


def test_hours_of_a_day_that_a_zone_left_out_begin_after_it() -> None:
    samoa = Quiet(time(22), time(7), "Pacific/Apia")  # 30 December 2011 did not exist there

    assert end(samoa, "2011-12-30 09:00") == "2011-12-30 17:00"


@pytest.mark.parametrize(
    ("from_", "until", "zone", "days", "error"),
    [
        (time(7), time(7), "UTC", (), InvalidQuiet),
        (time(7), time(8), "Moon/Base", (), InvalidSchedule),
        (time(7), time(8), "UTC", (0,), InvalidQuiet),
    ],
)
def test_hours_that_make_no_sense_are_refused(
    from_: time, until: time, zone: str, days: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Quiet(from_, until, zone, days)


def test_the_words_say_when() -> None:
    assert NIGHT.words() == "22:00 to 07:00 Europe/Berlin, every day"
    weekend = Quiet(time(22), time(7), "UTC", (6, 7))
    assert weekend.words() == "22:00 to 07:00 UTC, beginning Saturday and Sunday"


@given(TIMES, TIMES, st.sampled_from(ZONES), DAYS, MOMENTS)
def test_quiet_hours_end_and_last_until_then(
    from_: time, until: time, zone: str, days: tuple[int, ...], now: datetime
) -> None:
    assume(from_ != until)
    quiet = Quiet(from_, until, zone, days)

    found = quiet_until(quiet, now)

    if found is not None:
        assert now < found <= now + timedelta(days=2)
        assert quiet_until(quiet, found) is None
        assert quiet_until(quiet, now + (found - now) / 2) == found
        assert quiet_until(quiet, found - MINUTE / 60) == found


@given(TIMES, TIMES, DAYS, MOMENTS)
def test_without_clock_changes_the_clock_on_the_wall_decides(
    from_: time, until: time, days: tuple[int, ...], now: datetime
) -> None:
    assume(from_ != until)
    quiet = Quiet(from_, until, "UTC", days)

    begun = now if now.time() >= from_ else now - timedelta(days=1)
    inside = from_ <= now.time() < until if from_ < until else not until <= now.time() < from_
    expected = inside and (not days or begun.isoweekday() in days)

    assert (quiet_until(quiet, now) is not None) == expected
