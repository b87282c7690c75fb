"""systemd calendar expressions: what is refused, how clock changes are kept."""

from datetime import UTC, datetime

import pytest

from earlywatch.domain.on_calendar import OnCalendar
from earlywatch.domain.schedule import InvalidSchedule, next_times


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(expression: str, time_zone: str, after: str, count: int) -> list[str]:
    found = next_times(OnCalendar(expression, time_zone), utc(after), count)
    return [f"{at:%Y-%m-%d %H:%M:%S}" for at in found]


def refusal(expression: str, time_zone: str = "UTC") -> str:
    with pytest.raises(InvalidSchedule) as error:
        OnCalendar(expression, time_zone)
    return str(error.value)


def test_a_calendar_means_the_wall_time_of_its_zone() -> None:
    assert times("Mon..Fri 02:30", "Europe/Berlin", "2026-11-20 12:00", 2) == [
        "2026-11-23 01:30:00",
        "2026-11-24 01:30:00",
    ]


def test_a_line_may_name_its_own_zone() -> None:
    assert times("02:00 Europe/Berlin\n14:00", "America/New_York", "2026-11-20 00:00", 3) == [
        "2026-11-20 01:00:00",
        "2026-11-20 19:00:00",
        "2026-11-21 01:00:00",
    ]


def test_the_same_time_in_two_lines_comes_once() -> None:
    assert times("daily\n*-*-* 00:00:00", "UTC", "2026-11-20 12:00", 2) == [
        "2026-11-21 00:00:00",
        "2026-11-22 00:00:00",
    ]


def test_every_ten_seconds_is_the_most_that_is_watched() -> None:
    assert times("*:*:0/10", "UTC", "2026-11-20 12:00", 2) == [
        "2026-11-20 12:00:10",
        "2026-11-20 12:00:20",
    ]


def test_the_last_day_of_the_month_counts_from_its_end() -> None:
    assert times("*-*~1 12:00", "UTC", "2026-11-20 12:00", 2) == [
        "2026-11-30 12:00:00",
        "2026-12-31 12:00:00",
    ]


@pytest.mark.parametrize(
    ("zone", "line", "after", "runs"),
    [
        ("Europe/Berlin", "02:30", "2026-03-28 12:00", ["03-30 00:30", "03-31 00:30"]),
        ("Europe/Berlin", "02/4:30", "2026-03-28 22:00", ["03-29 04:30", "03-29 08:30"]),
        ("America/New_York", "02:30", "2026-03-07 12:00", ["03-09 06:30", "03-10 06:30"]),
        ("Australia/Lord_Howe", "02:15", "2026-10-03 12:00", ["10-04 15:15", "10-05 15:15"]),
        ("Pacific/Auckland", "02:30", "2026-09-26 12:00", ["09-27 13:30", "09-28 13:30"]),
    ],
)
def test_a_time_that_clocks_skip_does_not_come_that_day(
    zone: str, line: str, after: str, runs: list[str]
) -> None:
    assert times(line, zone, after, 2) == [f"2026-{run}:00" for run in runs]


@pytest.mark.parametrize(
    ("zone", "line", "after", "runs"),
    [
        ("Europe/Berlin", "02:30", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        ("America/New_York", "01:30", "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
        ("Australia/Lord_Howe", "01:45", "2026-04-04 12:00", ["04-04 14:45", "04-05 15:15"]),
        ("Pacific/Auckland", "02:30", "2026-04-04 12:00", ["04-04 13:30", "04-05 14:30"]),
    ],
)
def test_a_time_that_clocks_repeat_comes_once(
    zone: str, line: str, after: str, runs: list[str]
) -> None:
    assert times(line, zone, after, 2) == [f"2026-{run}:00" for run in runs]


def test_the_time_right_behind_the_skipped_hour_comes() -> None:
    assert times("*:0/30", "Europe/Berlin", "2026-03-29 00:30", 2) == [
        "2026-03-29 01:00:00",
        "2026-03-29 01:30:00",
    ]


# 00:40 UTC is the first 02:40 in Berlin, 01:10 UTC the second 02:10.
@pytest.mark.parametrize("after", ["2026-10-25 00:40", "2026-10-25 01:10"])
def test_a_ping_in_the_repeated_hour_does_not_bring_its_time_back(after: str) -> None:
    assert times("02:30", "Europe/Berlin", after, 1) == ["2026-10-26 01:30:00"]


def test_like_systemd_a_timer_rests_through_the_repeated_hour() -> None:
    # systemd issue 8647: from the first 02:30 the next time is 03:00, 90 minutes later.
    assert times("*:0/30", "Europe/Berlin", "2026-10-25 00:30", 1) == ["2026-10-25 02:00:00"]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "at least one calendar expression"),
        (" \n ", "at least one calendar expression"),
        ("0 2 * * *", "choose cron for it"),
        ("25:00", '"25:00" is not a calendar expression'),
        ("Mon 12:00\nsometimes", '"sometimes" is not a calendar expression'),
        ("12:00 Europe/Berln", "Did you mean Europe/Berlin"),
        ("*-02-31", '"*-02-31" never comes'),
        ("daily\n*-02-31", '"*-02-31" never comes'),
        ("2026-12-24 18:00", "its last time is 24 Dec 2026, 18:00 UTC"),
        ("2020..2030-*-* 12:00", "its last time is 31 Dec 2030, 12:00 UTC"),
        ("2027-01-01\n2026-12-24", "its last time is 1 Jan 2027, 00:00 UTC"),
        ("2199-01-01", "does not come before 2199"),
        ("*:*:*", "more often than every 10 seconds"),
        ("*:*:0/11", "more often than every 10 seconds"),
        ("*:*:0\n*:*:5", "more often than every 10 seconds"),
        ("*:0\n" * 11, "10 lines"),
        ("daily " * 200, "1,000 characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(expression: str, sentence: str) -> None:
    assert sentence in refusal(expression)


def test_a_line_that_ends_is_fine_beside_one_that_does_not() -> None:
    assert times("2026-12-24 18:00\ndaily", "UTC", "2026-12-24 12:00", 2) == [
        "2026-12-24 18:00:00",
        "2026-12-25 00:00:00",
    ]


def test_a_time_that_clocks_skip_every_year_has_come_to_its_end() -> None:
    # Berlin's clocks skip 02:30 on the last Sunday of March, since 1981.
    text = refusal("Sun *-03~07/1 02:30", "Europe/Berlin")

    assert "its last time is 30 Mar 1980" in text


def test_lines_are_trimmed_and_empty_ones_dropped() -> None:
    assert OnCalendar(" Mon   12:00\r\n\n daily ", "UTC").expression == "Mon 12:00\ndaily"


def test_a_calendar_is_told_in_its_own_words() -> None:
    assert OnCalendar("daily", "UTC").words() == 'on calendar "daily", in UTC'
    assert (
        OnCalendar("02:00 Europe/Berlin\n14:00 UTC", "Asia/Tokyo").words()
        == 'on calendar "02:00 Europe/Berlin" and "14:00 UTC"'
    )
