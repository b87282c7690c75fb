"""What every schedule promises, whatever its kind, zone and moment."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earlywatch.domain import window
from earlywatch.domain.schedule import (
    LONGEST_PERIOD,
    SHORTEST_PERIOD,
    Cron,
    Interval,
    InvalidSchedule,
    OnCalendar,
    Schedule,
    next_times,
)
from earlywatch.domain.zone import zone_names

MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland",
         "America/Santiago", "Africa/Casablanca", "Antarctica/Troll", "UTC"]  # fmt: skip
# Spring and autumn of both halves of the Earth, where the traps are.
DAYS = ["02-15", "03-08", "03-22", "03-29", "04-04", "09-06", "09-26", "10-03", "10-25", "11-01"]
CHANGES = [datetime.fromisoformat(f"2026-{day}T00:00Z") for day in DAYS]

zones = st.sampled_from(ZONES)
near_changes = st.builds(
    lambda day, seconds, micro: day + timedelta(seconds=seconds, microseconds=micro),
    st.sampled_from(CHANGES), st.integers(0, 86_400), st.sampled_from([0, 1, 999_999]),
)  # fmt: skip
any_moments = st.integers(0, 4_000_000_000).map(lambda n: datetime.fromtimestamp(n, UTC))
moments = near_changes | any_moments
periods = st.timedeltas(SHORTEST_PERIOD, LONGEST_PERIOD)
cron_lines = st.builds(
    "{} {} * * {}".format,
    st.sampled_from(["0", "30", "*/15", "*", "5,45", "10-20/5"]),
    st.sampled_from(["0", "1", "2", "3", "*", "*/2", "1-3", "23"]),
    st.sampled_from(["*", "0", "6", "0,6"]),
)
calendars = st.sampled_from(
    ["daily", "hourly", "*:0/15", "02:30", "01,02,03:15", "Sun 02:00", "*:*:0/20", "weekly\n02:15"]
)
schedules: st.SearchStrategy[Schedule] = (
    st.builds(Interval, periods)
    | st.builds(Cron, cron_lines, zones)
    | st.builds(OnCalendar, calendars, zones)
)


def searched(schedule: Schedule, moment: datetime) -> datetime:
    """The next time, not from memory."""
    window._windows.clear()
    return schedule.next_after(moment)


@given(schedules, moments)
def test_the_next_time_is_later_and_in_utc(schedule: Schedule, moment: datetime) -> None:
    found = searched(schedule, moment)

    assert found > moment
    assert found.tzinfo is UTC


@given(schedules, moments, zones)
def test_the_zone_of_the_moment_does_not_matter(
    schedule: Schedule, moment: datetime, zone: str
) -> None:
    in_zone = moment.astimezone(ZoneInfo(zone))

    assert searched(schedule, in_zone) == searched(schedule, moment)


@given(schedules, moments, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_a_later_moment_never_has_an_earlier_next_time(
    schedule: Schedule, moment: datetime, later: timedelta
) -> None:
    assert searched(schedule, moment) <= searched(schedule, moment + later)


@given(
    st.builds(Cron, cron_lines, zones) | st.builds(OnCalendar, calendars, zones),
    moments,
    st.floats(0, 1, exclude_max=True),
)
def test_between_two_times_the_answer_stays_the_same(
    schedule: Cron | OnCalendar, moment: datetime, part: float
) -> None:
    first, second = next_times(schedule, moment, 2)
    between = first + timedelta(microseconds=int(part * ((second - first) / MICROSECOND)))

    assert schedule.next_after(between) == second
    assert searched(schedule, between) == second


@settings(max_examples=200)
@given(cron_lines, zones, st.sampled_from(CHANGES))
@example("*/15 3 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 12, tzinfo=UTC))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC))
def test_cron_runs_as_a_daemon_watching_the_clock_would(
    line: str, zone: str, start: datetime
) -> None:
    end = start + timedelta(hours=30)
    expected = watched(line, ZoneInfo(zone), start, end)

    found = next_times(Cron(line, zone), start, len(expected) + 1)

    assert found[:-1] == expected
    assert found[-1] > end


def watched(line: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Debian's cron, minute by minute: starred lines follow the clock, fixed ones are caught up."""
    rules = CronSim(line, start)
    minute, hour = line.split()[:2]
    starred = minute.startswith("*") or hour.startswith("*")
    at = start - timedelta(days=1)
    reached = wall(at, zone)
    runs = set()
    while at < end:
        at += MINUTE
        shown = wall(at, zone)
        due = [shown] if starred else minutes_between(reached, shown)
        reached = max(reached, shown)
        if any(fits(rules, each) for each in due):
            runs.add(at)
    return sorted(run for run in runs if run > start)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def minutes_between(earlier: datetime, later: datetime) -> list[datetime]:
    return [earlier + (n + 1) * MINUTE for n in range(max(0, (later - earlier) // MINUTE))]


def fits(rules: CronSim, shown: datetime) -> bool:
    return shown.minute in rules.minutes and shown.hour in rules.hours and rules.match_day(shown)


@given(st.sampled_from(zone_names()), any_moments)
def test_every_zone_there_is_can_be_used(zone: str, moment: datetime) -> None:
    first, second = next_times(Cron("30 2 * * *", zone), moment, 2)

    assert timedelta(hours=22) <= second - first <= timedelta(hours=26)


@pytest.mark.parametrize("seconds", [-1, 0, 9, 9.999999, 365 * 86_400 + 1])
def test_a_period_outside_10_seconds_to_365_days_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidSchedule, match=r'between 10 seconds and 365 days, for example "15'):
        Interval(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (timedelta(seconds=10), "every 10 s"),
        (timedelta(minutes=90), "every 1 h 30 min"),
        (timedelta(days=1), "every day"),
        (timedelta(days=7), "every 7 days"),
    ],
)
def test_a_period_is_told_in_words(period: timedelta, words: str) -> None:
    assert Interval(period).words() == words


def test_next_times_come_in_order() -> None:
    found = next_times(Interval(timedelta(hours=1)), datetime(2026, 11, 20, tzinfo=UTC), 5)

    assert len(found) == 5
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(found))
