"""The drill of the week: Monday 9:00 on the clock of a zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.drilling import CATCH_UP, due_since, next_due

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati")
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 366 * 86_400).map(lambda after: BEGIN + timedelta(seconds=after))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23 07:59:59", None),
        ("2026-11-23 08:00:00", "2026-11-23 08:00"),
        ("2026-11-23 11:59:59", "2026-11-23 08:00"),
        ("2026-11-23 12:00:00", None),
        ("2026-11-24 08:00:00", None),
    ],
)
def test_it_is_due_on_monday_morning_and_not_made_up_for_later(
    now: str, expected: str | None
) -> None:
    assert due_since(utc(now), "Europe/Berlin") == (utc(expected) if expected else None)


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_next_one_is_a_monday_at_nine_within_a_week(now: datetime, zone: str) -> None:
    due = next_due(now, zone)

    assert timedelta(0) < due - now <= timedelta(days=7, hours=1)
    assert due_since(due, zone) == due
    assert due_since(due + CATCH_UP, zone) is None
    assert due_since(due - timedelta(seconds=1), zone) is None


def test_a_zone_that_is_gone_counts_as_utc() -> None:
    assert due_since(utc("2026-11-23 09:00"), "Nowhere/Else") == utc("2026-11-23 09:00")
    assert next_due(utc("2026-11-23 09:00"), "Nowhere/Else") == utc("2026-11-30 09:00")
