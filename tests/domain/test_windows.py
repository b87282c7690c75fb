"""Maintenance windows: once, weekly and cron, joined where they overlap, across clock changes."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earlywatch.domain.cron import Cron
from earlywatch.domain.windows import Begins, InvalidWindow, Once, Weekly, Window

HOUR = timedelta(hours=1)
BERLIN = "Europe/Berlin"
ZONES = st.sampled_from(("UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe"))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WEEKLY = st.builds(Weekly, st.lists(st.integers(1, 7), unique=True).map(tuple), TIMES, ZONES)
LINES = ("0 2 * * *", "*/20 9-17 * * 1-5", "30 2 1 * *", "0 2,3 * * 0")
CRON = st.builds(Cron, st.sampled_from(LINES), ZONES)
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 365 * 86_400).map(lambda after: START + timedelta(seconds=after))
ONCE = st.builds(Once, MOMENTS, ZONES)
LENGTHS = st.integers(1, 20 * 60).map(lambda minutes: timedelta(minutes=minutes))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(begins: Begins, length: timedelta, now: str) -> tuple[str, str] | None:
    found = Window(begins, length).covering(utc(now))
    return (f"{found[0]:%d %H:%M}", f"{found[1]:%d %H:%M}") if found else None


def test_a_window_covers_its_first_moment_and_not_its_last() -> None:
    once = Once(utc("2026-11-20 05:00"), "UTC")

    assert span(once, HOUR, "2026-11-20 04:59") is None
    assert span(once, HOUR, "2026-11-20 05:00") == ("20 05:00", "20 06:00")
    assert span(once, HOUR, "2026-11-20 05:59") == ("20 05:00", "20 06:00")
    assert span(once, HOUR, "2026-11-20 06:00") is None


def test_a_weekly_window_may_last_over_midnight() -> None:
    saturday = Weekly((6,), time(23), BERLIN)

    assert span(saturday, 3 * HOUR, "2026-11-22 00:30") == ("21 22:00", "22 01:00")
    assert span(saturday, 3 * HOUR, "2026-11-22 23:00") is None


def test_windows_that_overlap_or_meet_are_one() -> None:
    office = Cron("0 9-11 * * *", "UTC")
    days = Weekly((1, 2, 3, 4, 5), time(22), "UTC")

    assert span(office, HOUR, "2026-11-20 09:30") == ("20 09:00", "20 12:00")
    assert span(days, 26 * HOUR, "2026-11-16 23:00") == ("16 22:00", "22 00:00")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-29 00:59", None),
        ("2026-03-29 01:30", ("29 01:00", "29 03:00")),  # 02:30 was skipped
        ("2026-10-25 00:30", ("25 00:30", "25 02:30")),  # 02:30 came twice: the first counts
        ("2026-10-25 02:30", None),
    ],
)
def test_the_length_is_real_time_when_clocks_change(
    now: str, expected: tuple[str, str] | None
) -> None:
    assert span(Weekly((), time(2, 30), BERLIN), 2 * HOUR, now) == expected


def test_what_was_ended_by_hand_is_over_and_comes_again() -> None:
    begins = Weekly((), time(2), "UTC")
    window = Window(begins, 4 * HOUR, ended_at=utc("2026-11-20 03:00"))

    assert window.covering(utc("2026-11-20 03:30")) is None
    assert window.covering(utc("2026-11-21 03:30")) is not None
    assert window.next_windows(utc("2026-11-20 03:00"), 1)[0][0] == utc("2026-11-21 02:00")


def test_the_preview_begins_with_the_window_that_it_is_in() -> None:
    window = Window(Weekly((), time(2), BERLIN), HOUR)

    found = window.next_windows(utc("2026-11-20 01:30"), 3)

    assert [f"{start:%d %H:%M}" for start, _ in found] == ["20 01:00", "21 01:00", "22 01:00"]


def test_a_window_that_is_over_comes_no_more() -> None:
    once = Window(Once(utc("2026-11-20 05:00"), "UTC"), HOUR)

    assert once.next_windows(utc("2026-11-20 04:00"), 5) == [
        (utc("2026-11-20 05:00"), utc("2026-11-20 06:00"))
    ]
    assert once.next_windows(utc("2026-11-20 06:00"), 5) == []


@pytest.mark.parametrize(
    ("begins", "length", "words"),
    [
        (Cron("*/10 * * * *", "UTC"), HOUR, "before it has ended"),
        (Weekly((), time(2), "UTC"), 24 * HOUR, "before it has ended"),
        (Cron("* * * * *", "UTC"), timedelta(days=31), "before it has ended"),
        (Once(utc("2026-11-20 05:00"), "UTC"), timedelta(seconds=59), "from 1 minute to 31 days"),
        (Once(utc("2026-11-20 05:00"), "UTC"), timedelta(days=32), "from 1 minute to 31 days"),
    ],
)
def test_windows_that_cannot_be_are_refused(begins: Begins, length: timedelta, words: str) -> None:
    with pytest.raises(InvalidWindow, match=words):
        Window(begins, length)


def test_the_words_say_when_and_for_how_long() -> None:
    weekend = Window(Weekly((6, 7), time(2), BERLIN), 90 * timedelta(minutes=1))

    assert weekend.words() == "Saturday and Sunday at 02:00 Europe/Berlin, for 1 h 30 min"


@settings(max_examples=60)
@given(st.one_of(WEEKLY, CRON, ONCE), LENGTHS, MOMENTS)
def test_a_window_is_one_stretch_with_nothing_before_or_after(
    begins: Begins, length: timedelta, now: datetime
) -> None:
    window = Window(begins, length)

    found = window.covering(now)

    if found is not None:
        start, end = found
        assert start <= now < end
        assert window.covering(end) is None
        assert window.covering(start + (end - start) / 2) is not None


@settings(max_examples=60)
@given(st.one_of(WEEKLY, CRON, ONCE), LENGTHS, MOMENTS)
def test_the_next_windows_follow_one_another_and_are_what_will_be(
    begins: Begins, length: timedelta, now: datetime
) -> None:
    window = Window(begins, length)

    found = window.next_windows(now, 4)

    for start, end in found:
        assert start < end
        assert end > now
        covering = window.covering(start)
        assert covering is not None
        assert covering[1] == end
    for (_, end), (start, _) in pairwise(found):
        assert end < start
        assert window.covering(end + (start - end) / 2) is None
