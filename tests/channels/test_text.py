"""Words made safe for where they go, and rows cut to what fits."""

import pytest

from earlywatch.channels.text import card_literal, discord_escaped, fitting, telegram_literal

ROWS = [(f"word {number}", "x" * 10) for number in range(5)]


def size(row: tuple[str, str]) -> int:
    return len(row[1])


def test_rows_that_fit_exactly_are_all_kept() -> None:
    assert fitting(ROWS, 50, size, 5) == ROWS


@pytest.mark.parametrize(
    ("room", "most", "kept"), [(49, 5, 4), (20, 5, 2), (9, 5, 0), (-1, 5, 0), (99, 4, 3)]
)
def test_rows_that_do_not_fit_are_counted(room: int, most: int, kept: int) -> None:
    assert fitting(ROWS, room, size, most) == [*ROWS[:kept], ("And", f"{5 - kept} more")]


def test_nothing_is_left_empty_where_a_program_takes_no_empty_text() -> None:
    assert fitting([("", "")], 10, size) == [("\N{EN DASH}", "\N{EN DASH}")]


@pytest.mark.parametrize("text", ["nightly backup", "02:00 Europe/Berlin (01:00 UTC)", "a, b: c."])
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    for literal in (card_literal, discord_escaped, telegram_literal):
        assert literal(text) == text


@pytest.mark.parametrize("text", ["# big", "-# small", "- item", "> quote", "1. item", "2) item"])
def test_what_discord_reads_at_the_start_of_a_line_is_no_longer_there(text: str) -> None:
    assert discord_escaped(text)[0] == "\u200b"


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("/stop", "/\u200bstop"),
        ("a #topic", "a #\u200btopic"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("@anna", "@\u200banna"),
    ],
)
def test_telegram_makes_no_command_of_a_word(text: str, literal: str) -> None:
    assert telegram_literal(text) == literal
