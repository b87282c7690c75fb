"""What a stretch of time was worth follows from the lines that paid for it, to the cent."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.proration import DAY, Line, unused_days_from, value_between
from tests.builders import NOW

MONTH = Line(3_000, NOW, NOW + 30 * DAY)
CENTS = st.integers(-100_000, 100_000)
SPANS = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(
    lambda span: (NOW + span[0] * DAY, NOW + (span[0] + span[1]) * DAY)
)
LINES = st.lists(st.builds(lambda cents, span: Line(cents, *span), CENTS, SPANS), max_size=8)


def test_a_third_of_a_month_is_worth_a_third_of_its_price() -> None:
    assert value_between([MONTH], NOW + 20 * DAY, NOW + 30 * DAY) == 1_000


def test_a_credit_takes_away_what_the_charge_gave() -> None:
    middle, end = NOW + 15 * DAY, NOW + 30 * DAY
    change = [MONTH, Line(-1_500, middle, end), Line(6_000, middle, end)]

    assert value_between(change, middle, end) == 6_000
    assert value_between(change, end - 5 * DAY, end) == 2_000


def test_what_lies_outside_a_line_is_worth_nothing() -> None:
    assert value_between([MONTH], NOW - 9 * DAY, NOW) == 0
    assert value_between([MONTH], NOW + 30 * DAY, NOW + 60 * DAY) == 0


def test_halves_of_a_cent_are_rounded_in_the_customers_favour() -> None:
    assert value_between([Line(1, NOW, NOW + 2 * DAY)], NOW, NOW + DAY) == 1


def test_only_whole_unused_days_count() -> None:
    end = NOW + 30 * DAY

    assert unused_days_from(end, NOW) == NOW
    assert unused_days_from(end, NOW + timedelta(seconds=1)) == NOW + DAY
    assert unused_days_from(end, end - timedelta(hours=23)) == end
    assert unused_days_from(end, end + 3 * DAY) == end


@given(LINES, st.integers(0, 120))
def test_two_stretches_are_worth_what_they_are_worth_together(lines: list[Line], cut: int) -> None:
    start, middle, end = NOW, NOW + cut * DAY, NOW + 121 * DAY

    together = value_between(lines, start, end)
    apart = value_between(lines, start, middle) + value_between(lines, middle, end)

    assert together == sum(line.cents for line in lines)
    assert abs(together - apart) <= 1
