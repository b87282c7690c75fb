"""Moments in words."""

from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain.words import date_words, dated_words, days_until, moment_words

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "words"),
    [
        ("2026-11-20 01:00", "Europe/Berlin", "Fri 20 Nov 2026, 02:00 Europe/Berlin (01:00 UTC)"),
        ("2026-11-20 01:00", "UTC", "Fri 20 Nov 2026, 01:00 UTC"),
        ("2026-11-20 01:00", "Etc/UTC", "Fri 20 Nov 2026, 01:00 UTC"),
        ("2026-11-18 14:00", "Europe/Berlin", "15:00 Europe/Berlin (14:00 UTC)"),
        ("2026-11-18 14:00:07", "UTC", "14:00:07 UTC"),
        ("2026-11-18 15:30", "Asia/Tokyo", "Thu 19 Nov 2026, 00:30 Asia/Tokyo (Wed 15:30 UTC)"),
        ("2026-11-18 14:00", "Lost/City", "14:00 UTC"),
    ],
)
def test_a_moment_is_told_in_its_zone_and_in_utc(moment: str, zone: str, words: str) -> None:
    assert moment_words(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone, NOW) == words


def test_the_two_half_past_twos_of_an_autumn_night_differ_in_utc() -> None:
    first = moment_words(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin", NOW)
    second = moment_words(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin", NOW)

    assert first == "Sun 25 Oct 2026, 02:30 Europe/Berlin (00:30 UTC)"
    assert second == "Sun 25 Oct 2026, 02:30 Europe/Berlin (01:30 UTC)"


def test_a_date_is_said_even_on_its_own_day() -> None:
    moment = datetime(2026, 11, 20, 1, 0, 59, tzinfo=UTC)

    assert dated_words(moment, "UTC") == "Fri 20 Nov 2026, 01:00 UTC"
    assert (
        dated_words(moment, "Europe/Berlin") == "Fri 20 Nov 2026, 02:00 Europe/Berlin (01:00 UTC)"
    )


def test_dates_and_days_are_those_of_the_zone() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    assert date_words(late, "UTC") == "20 Nov 2026"
    assert date_words(late, "Europe/Berlin") == "21 Nov 2026"
    assert days_until(late, "UTC", late) == 0
    assert days_until(late, "Europe/Berlin", late - timedelta(hours=1)) == 1
