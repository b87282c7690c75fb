"""How long a snooze lasts: hours, until a morning on the clock of a zone, until it is back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.snooze import Act, by_words, next_morning, rest_words, until

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 366 * 86_400).map(lambda after: BEGIN + timedelta(seconds=after))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20 05:17", "2026-11-21 08:00"),
        ("2026-11-20 22:59", "2026-11-21 08:00"),
        ("2026-11-20 23:30", "2026-11-21 08:00"),
        ("2026-11-21 03:59", "2026-11-21 08:00"),
        ("2026-11-21 04:00", "2026-11-22 08:00"),
    ],
)
def test_tomorrow_is_the_morning_after_the_night(now: str, expected: str) -> None:
    assert until(Act.TOMORROW, utc(now), "Europe/Berlin") == utc(expected)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-10-24 18:00", "2026-10-25 08:00"), ("2026-03-28 18:00", "2026-03-29 07:00")],
)
def test_the_morning_is_on_the_clock_also_when_it_was_changed_at_night(
    now: str, expected: str
) -> None:
    assert next_morning(utc(now), "Europe/Berlin") == utc(expected)


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_snooze_until_tomorrow_lasts_from_three_to_29_hours(now: datetime, zone: str) -> None:
    assert timedelta(hours=3) < next_morning(now, zone) - now <= timedelta(hours=29)


def test_a_zone_that_is_gone_counts_as_utc() -> None:
    assert next_morning(utc("2026-11-20 12:00"), "Nowhere/Else") == utc("2026-11-21 09:00")


def test_hours_end_at_a_whole_minute_and_never_early() -> None:
    now = utc("2026-11-20 05:17:03")

    assert until(Act.HOUR, now, "UTC") == utc("2026-11-20 06:18")
    assert until(Act.HOURS, utc("2026-11-20 05:17"), "UTC") == utc("2026-11-20 09:17")


def test_what_lasts_until_it_is_back_has_no_end() -> None:
    assert until(Act.BACK, utc("2026-11-20 05:17"), "UTC") is None
    assert rest_words(None, "UTC", utc("2026-11-20 05:17")) == "until it is back"


def test_words_say_who_and_until_when() -> None:
    now = utc("2026-11-20 05:17")

    assert by_words("anna@example.org") == "by anna@example.org"
    assert by_words("through Team mail") == "through Team mail"
    assert rest_words(now + timedelta(hours=1), "UTC", now) == "until 06:17 UTC"
