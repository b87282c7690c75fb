"""Clock changes of zones."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from earlywatch.domain.zone import find_zone, first_change, instant, utc_offset, zone_names

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_first_change_is_found_to_the_second() -> None:
    assert first_change(datetime(2026, 1, 1, tzinfo=UTC), AUTUMN, BERLIN) == SPRING
    assert first_change(SPRING, AUTUMN, BERLIN) == AUTUMN
    assert first_change(SPRING - SECOND, SPRING, BERLIN) == SPRING
    assert first_change(SPRING, AUTUMN - SECOND, BERLIN) is None
    assert first_change(AUTUMN, SPRING, BERLIN) is None


def test_a_search_from_local_time_does_not_stop_inside_the_gap() -> None:
    # Two weeks on, by the wall, is 02:30 of the night that has no 02:30.
    start = datetime(2026, 3, 15, 2, 30, tzinfo=BERLIN)

    assert first_change(start, SPRING + timedelta(minutes=30), BERLIN) == SPRING


def test_a_skipped_time_is_the_moment_of_the_change() -> None:
    assert instant(wall("2026-03-29 02:00"), BERLIN) == SPRING
    assert instant(wall("2026-03-29 02:59:59"), BERLIN) == SPRING
    assert instant(wall("2026-03-29 03:00"), BERLIN) == SPRING


def test_a_repeated_time_is_its_first_showing() -> None:
    assert instant(wall("2026-10-25 02:30"), BERLIN) == AUTUMN - timedelta(minutes=30)


def test_a_whole_skipped_day_is_the_moment_of_the_change() -> None:
    # Samoa crossed the date line and had no 30 December 2011.
    samoa = ZoneInfo("Pacific/Apia")

    assert instant(wall("2011-12-30 12:00"), samoa) == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_offsets_are_ahead_of_utc() -> None:
    assert utc_offset(SPRING, BERLIN) == timedelta(hours=2)
    assert utc_offset(SPRING, ZoneInfo("America/New_York")) == -timedelta(hours=4)


def test_names_that_depend_on_the_machine_are_left_out() -> None:
    assert "localtime" not in zone_names()
    assert find_zone("UTC").key == "UTC"
