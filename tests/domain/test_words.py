"""Moments in words."""

from datetime import UTC, datetime

import pytest

from earlywatch.domain.words import moment_words

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
