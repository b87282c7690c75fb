"""Durations read and written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.duration import (
    InvalidDuration,
    format_duration,
    parse_duration,
    rough_duration,
)

whole_seconds = st.integers(0, 400 * 86_400).map(lambda n: timedelta(seconds=n))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10s", timedelta(seconds=10)),
        ("45", timedelta(seconds=45)),
        ("0", timedelta(0)),
        ("90 min", timedelta(minutes=90)),
        ("1h 30m", timedelta(hours=1, minutes=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1 hour, 30 minutes", timedelta(hours=1, minutes=30)),
        ("1 hour and 30 minutes", timedelta(hours=1, minutes=30)),
        (" 1D ", timedelta(days=1)),
        ("2 weeks", timedelta(weeks=2)),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "-5 s", "1.5 h", "5 parsecs", "1 h 30", "10 20", "s", "1 h 2 h", "5 s 1 h",
     "1hand", "٣ s", "9" * 99, "9" * 101, "1 s" * 60, "99999999999999 weeks"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidDuration, match='for example "90 s"'):
        parse_duration(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta(0)
    except InvalidDuration as error:
        assert str(error).endswith(".")  # noqa: PT017 - either way out is right


@given(whole_seconds)
def test_a_written_duration_is_read_back_the_same(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text", "rough"),
    [
        (-5, "0 s", "0 s"),
        (0, "0 s", "0 s"),
        (0.9, "0 s", "0 s"),
        (10, "10 s", "10 s"),
        (725, "12 min 5 s", "12 min 5 s"),
        (5400, "1 h 30 min", "1 h 30 min"),
        (3605, "1 h 5 s", "1 h"),
        (86_400, "1 day", "1 day"),
        (2 * 86_400 + 3 * 3600 + 61, "2 days 3 h 1 min 1 s", "2 days 3 h"),
        (86_400 + 59, "1 day 59 s", "1 day"),
    ],
)
def test_durations_are_written_short(seconds: float, text: str, rough: str) -> None:
    duration = timedelta(seconds=seconds)

    assert format_duration(duration) == text
    assert rough_duration(duration) == rough
