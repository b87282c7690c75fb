"""Cron expressions: what is refused, how clock changes are kept, and the words."""

from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain.cron import Cron
from earlywatch.domain.schedule import InvalidSchedule, next_times


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(expression: str, time_zone: str, after: str, count: int) -> list[str]:
    found = next_times(Cron(expression, time_zone), utc(after), count)
    return [f"{at:%Y-%m-%d %H:%M}" for at in found]


def refusal(expression: str, time_zone: str = "UTC") -> str:
    with pytest.raises(InvalidSchedule) as error:
        Cron(expression, time_zone)
    return str(error.value)


def test_a_cron_line_means_the_wall_time_of_its_zone() -> None:
    assert times("30 2 * * 1-5", "Europe/Berlin", "2026-11-20 12:00", 2) == [
        "2026-11-23 01:30",
        "2026-11-24 01:30",
    ]


def test_the_next_time_is_later_than_an_exact_hit() -> None:
    assert times("0 2 * * *", "UTC", "2026-11-20 02:00", 1) == ["2026-11-21 02:00"]


@pytest.mark.parametrize(
    ("nickname", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@Daily ", "0 0 * * *"),
    ],
)
def test_nicknames_are_translated(nickname: str, expression: str) -> None:
    assert Cron(nickname, "UTC") == Cron(expression, "UTC")


def test_spaces_do_not_matter() -> None:
    assert Cron("  0  2\t* * * ", "UTC").expression == "0 2 * * *"


def test_days_of_month_and_week_add_up_unless_one_starts_with_a_star() -> None:
    assert times("0 0 13 * 5", "UTC", "2026-11-20 12:00", 2) == [
        "2026-11-27 00:00",
        "2026-12-04 00:00",
    ]
    assert times("0 0 */2 * 5", "UTC", "2026-11-20 12:00", 2) == [
        "2026-11-27 00:00",
        "2026-12-11 00:00",
    ]


def test_29_february_on_a_monday_is_rare_but_comes() -> None:
    assert times("0 0 * 2 MON#5", "UTC", "2072-03-01 00:00", 1) == ["2112-02-29 00:00"]


@pytest.mark.parametrize(
    ("zone", "line", "after", "runs"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        ("America/New_York", "30 1 * * *", "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00", ["04-04 14:45", "04-05 15:15"]),
        ("Pacific/Auckland", "30 2 * * *", "2026-04-04 12:00", ["04-04 13:30", "04-05 14:30"]),
        ("America/Santiago", "30 23 * * *", "2026-04-04 12:00", ["04-05 02:30", "04-06 03:30"]),
    ],
)
def test_a_job_in_the_repeated_hour_runs_once(
    zone: str, line: str, after: str, runs: list[str]
) -> None:
    assert times(line, zone, after, 2) == [f"2026-{run}" for run in runs]


@pytest.mark.parametrize(
    ("zone", "line", "after", "runs"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28 12:00", ["03-29 01:00", "03-30 00:30"]),
        ("America/New_York", "30 2 * * *", "2026-03-07 12:00", ["03-08 07:00", "03-09 06:30"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00", ["10-03 15:30", "10-04 15:15"]),
        ("Pacific/Auckland", "30 2 * * *", "2026-09-26 12:00", ["09-26 14:00", "09-27 13:30"]),
        ("America/Santiago", "30 0 * * *", "2026-09-05 12:00", ["09-06 04:00", "09-07 03:30"]),
    ],
)
def test_a_job_in_the_skipped_hour_runs_right_after(
    zone: str, line: str, after: str, runs: list[str]
) -> None:
    assert times(line, zone, after, 2) == [f"2026-{run}" for run in runs]


def test_two_jobs_in_the_skipped_hour_are_one_expected_time() -> None:
    assert times("0,30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2) == [
        "2026-03-29 01:00",
        "2026-03-30 00:00",
    ]


# 00:40 UTC is the first 02:40 in Berlin, 01:10 UTC the second 02:10.
@pytest.mark.parametrize("after", ["2026-10-25 00:40", "2026-10-25 01:10"])
def test_a_ping_in_the_repeated_hour_does_not_bring_its_time_back(after: str) -> None:
    assert times("30 2 * * *", "Europe/Berlin", after, 1) == ["2026-10-26 01:30"]


def test_every_half_hour_goes_on_through_the_repeated_hour() -> None:
    assert times("*/30 * * * *", "Europe/Berlin", "2026-10-25 00:00", 4) == [
        "2026-10-25 00:30",
        "2026-10-25 01:00",
        "2026-10-25 01:30",
        "2026-10-25 02:00",
    ]


def test_a_starred_minute_does_not_run_in_the_skipped_hour() -> None:
    assert times("*/30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 1) == ["2026-03-30 00:00"]


def test_half_hour_clock_changes_lose_no_time_of_the_next_hour() -> None:
    # Both nights cronsim by itself would name 30 minutes past the hour first.
    assert times("*/15 3 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", 1) == [
        "2026-10-03 16:00"
    ]
    assert times("*/15 2 * * *", "Australia/Lord_Howe", "2026-04-04 12:00", 1) == [
        "2026-04-04 15:30"
    ]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "has 0"),
        ("0 2 * *", "has 4"),
        ("0 0 2 * * *", 'leave the first one out: "0 2 * * *"'),
        ("0 0 2 L * MON", 'leave the first one out: "0 2 L * MON"'),
        ("0 2 * * * /usr/bin/backup -q", 'without the command: "0 2 * * *"'),
        ("at two in the morning", '"at" cannot be the minute'),
        ("@reboot", '"@reboot" names no time'),
        ("60 * * * *", '"60" cannot be the minute: write 0 to 59'),
        ("0 24 * * *", '"24" cannot be the hour'),
        ("0 0 32 * *", '"32" cannot be the day of the month'),
        ("0 0 * 13 *", '"13" cannot be the month'),
        ("0 0 * * FRI-MON", '"FRI-MON" cannot be the day of the week'),
        ("*/0 * * * *", '"*/0" cannot be the minute'),
        ("٣ * * * *", "cannot be the minute"),
        ("1," * 60 + "1 * * * *", "longer than 100 characters"),
    ],
)
def test_what_is_no_cron_line_is_refused_with_a_reason_and_an_example(
    expression: str, sentence: str
) -> None:
    text = refusal(expression)

    assert sentence in text
    assert '"' in text.rsplit("xample", 1)[-1] or "first one out" in text or "without" in text


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 */2"])
def test_a_day_that_never_comes_is_refused(expression: str) -> None:
    assert "never comes" in refusal(expression)


def test_a_time_that_clocks_always_skip_is_refused() -> None:
    # Every fifth Sunday of March is the one on which Berlin has no 02:xx.
    assert "never comes" in refusal("*/5 2 * 3 SUN#5", "Europe/Berlin")
    assert Cron("*/5 2 * 3 SUN#5", "UTC")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("europe/berlin", "Did you mean Europe/Berlin?"),
        ("Berlin", "Did you mean Europe/Berlin?"),
        ("New York", "Did you mean America/New_York?"),
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("Middle-earth", 'like "Europe/Berlin"'),
        ("", 'like "Europe/Berlin"'),
        ("../../etc/passwd", 'like "Europe/Berlin"'),
    ],
)
def test_an_unknown_zone_is_refused_with_the_name_it_was_meant_for(name: str, hint: str) -> None:
    text = refusal("0 2 * * *", name)

    assert text.startswith(f'There is no time zone "{name}".')
    assert hint in text


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 2 * * *", "at 02:00, in Europe/Berlin"),
        ("*/5 * * * *", "every 5 minutes, in Europe/Berlin"),
        ("0 0 1 * 1", "at 00:00, on day 1 of the month, or on Monday, in Europe/Berlin"),
        (
            "0 0 */2 * 1",
            "at 00:00 on every second day of month if it's on Monday, in Europe/Berlin",
        ),
        ("0 *,5 * * *", "at minute 0 past every hour and hour 5, in Europe/Berlin"),
    ],
)
def test_a_cron_line_is_told_in_words(expression: str, words: str) -> None:
    assert Cron(expression, "Europe/Berlin").words() == words


def test_every_moment_up_to_the_next_time_has_the_same_next_time() -> None:
    schedule = Cron("30 2 * * *", "Europe/Berlin")
    start = utc("2026-10-24 12:00")
    found = schedule.next_after(start)

    assert schedule.next_after(found - timedelta(microseconds=1)) == found
    assert schedule.next_after(start - timedelta(days=3)) < start
    assert schedule.next_after(found) > found
    assert schedule.next_after(start) == found
