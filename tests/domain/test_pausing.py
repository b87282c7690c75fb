"""A pause of some months ends on the same day of a later month."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.pausing import MONTHS, months_later


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        ("2026-11-20", 3, "2027-02-20"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-12-31", 12, "2027-12-31"),
    ],
)
def test_a_pause_ends_on_the_same_day_or_a_shorter_months_last(
    moment: str, months: int, later: str
) -> None:
    start = datetime.fromisoformat(moment).replace(hour=5, tzinfo=UTC)

    assert months_later(start, months).isoformat() == f"{later}T05:00:00+00:00"


@given(st.integers(0, 30_000), st.sampled_from(MONTHS))
def test_a_longer_pause_never_ends_sooner(days: int, months: int) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days)

    assert months_later(start, months) > start
    assert months_later(start, months) <= months_later(start, months + 1)
