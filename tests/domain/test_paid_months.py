"""Which months were paid for, out of the lines of invoices."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.paid_months import Month, paid_months
from earlywatch.domain.pausing import months_later
from earlywatch.domain.proration import Line, value_between

BEGIN = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def month(number: int, begin: datetime = BEGIN) -> datetime:
    return months_later(begin, number)


def test_a_monthly_period_is_a_month() -> None:
    lines = [Line(2_000, month(0), month(1)), Line(2_000, month(1), month(2))]

    assert paid_months(lines, []) == [Month(month(0), month(1)), Month(month(1), month(2))]


def test_a_year_is_cut_into_its_twelve_months() -> None:
    found = paid_months([Line(20_000, month(0), month(12))], [])

    assert found == [Month(month(n), month(n + 1)) for n in range(12)]


def test_a_short_february_leaves_no_month_of_three_days() -> None:
    lines = [Line(2_000, month(1), month(2))]

    assert paid_months(lines, []) == [Month(month(1), month(2))]
    assert (month(1).day, month(2).day) == (28, 31)


def test_what_a_change_adds_to_a_period_is_no_month_of_its_own() -> None:
    middle = BEGIN + timedelta(days=10)
    lines = [
        Line(700, month(0), month(1)),
        Line(-450, middle, month(1)),
        Line(1_300, middle, month(1)),
    ]

    assert paid_months(lines, []) == [Month(month(0), month(1))]


def test_a_change_of_the_interval_ends_the_month() -> None:
    middle = BEGIN + timedelta(days=10)
    year = months_later(middle, 12)
    lines = [
        Line(2_000, month(0), month(1)),
        Line(-1_300, middle, month(1)),
        Line(20_000, middle, year),
    ]

    found = paid_months(lines, [])

    assert found[:2] == [Month(BEGIN, middle), Month(middle, months_later(middle, 1))]
    assert found[-1].end == year


def test_a_pause_ends_the_month_and_its_rest_is_nobodys() -> None:
    paused, resumed = BEGIN + timedelta(days=10), BEGIN + timedelta(days=20)
    lines = [
        Line(2_000, month(0), month(1)),
        Line(-1_286, paused, month(1)),
        Line(2_000, resumed, months_later(resumed, 1)),
    ]

    found = paid_months(lines, [paused])

    assert found == [Month(BEGIN, paused), Month(resumed, months_later(resumed, 1))]
    assert value_between(lines, BEGIN, paused) == 714


def test_credits_and_things_without_a_length_are_no_months() -> None:
    assert paid_months([Line(-500, month(0), month(1)), Line(100, BEGIN, BEGIN)], []) == []


moments = st.integers(0, 700).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + days * DAY)
periods = st.builds(
    lambda start, months: Line(1_000, start, months_later(start, months)),
    moments,
    st.sampled_from([1, 12]),
)


@given(st.lists(periods, max_size=6), st.lists(moments, max_size=4))
def test_months_never_overlap_and_never_pass_a_cut(lines: list[Line], cuts: list[datetime]) -> None:
    found = paid_months(lines, cuts)

    assert all(one.start < one.end for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert not any(one.start < cut < one.end for one in found for cut in cuts)
