"""Money is cents with a currency, typed and shown as people do."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.money import InvalidMoney, Money, parse_dollars
from earlywatch.domain.plans import CEILING, FLOOR


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(700), "$7.00"),
        (Money(-123456), "-$1,234.56"),
        (Money(0), "$0.00"),
        (Money(500, "eur"), "€5.00"),
        (Money(500, "jpy"), "¥500"),
    ],
)
def test_amounts_are_shown_in_their_currency(money: Money, words: str) -> None:
    assert money.words == words


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("5", 500), (" $7.50 ", 750), ("7,5", 750), ("USD 10", 1000), ("3.00", 300), ("12 usd", 1200)],
)
def test_people_write_dollars_in_many_ways(typed: str, cents: int) -> None:
    assert parse_dollars(typed, FLOOR, CEILING) == Money(cents)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Write an amount"),
        ("five", "Write an amount"),
        ("5 EUR", "Write an amount"),
        ("-5", "Write an amount"),
        ("5.001", "Write an amount"),
        ("1e3", "Write an amount"),
        ("\u0665", "Write an amount"),
        ("2.99", "The smallest amount is $3.00"),
        ("0", "The smallest amount is $3.00"),
        ("1000.01", "more than $1,000.00 a month"),
        ("9" * 19, "more than $1,000.00 a month"),
        ("9" * 5000, "Write an amount"),
    ],
)
def test_an_amount_that_cannot_be_taken_is_refused_with_a_reason(typed: str, sentence: str) -> None:
    with pytest.raises(InvalidMoney, match=sentence.replace("$", r"\$")):
        parse_dollars(typed, FLOOR, CEILING)


@given(st.integers(FLOOR, CEILING))
def test_what_is_shown_can_be_typed_again(cents: int) -> None:
    shown = Money(cents).words.replace(",", "")

    assert parse_dollars(shown, FLOOR, CEILING) == Money(cents)


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(typed: str) -> None:
    with suppress(InvalidMoney):
        assert FLOOR <= parse_dollars(typed, FLOOR, CEILING).cents <= CEILING


def test_currencies_are_never_mixed() -> None:
    with pytest.raises(InvalidMoney, match="different currencies"):
        Money(5) + Money(5, "eur")
