"""The difference between two outputs: what is new, what is missing, and a little around it."""

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.differences import SHOWN, Line, compare, tail

GOOD = "start 02:00:01\ncopied 1200 rows\nuploaded\nchecked\ndone in 12 s\n"


def test_new_and_missing_lines_are_marked_and_what_stands_around_is_shown() -> None:
    bad = "start 02:00:03\ncopied 1188 rows\nupload failed: no space left\n"

    assert compare(GOOD, bad) == (
        Line(" ", "start 02:00:03"),
        Line(" ", "copied 1188 rows"),
        Line("-", "uploaded"),
        Line("-", "checked"),
        Line("-", "done in 12 s"),
        Line("+", "upload failed: no space left"),
    )


def test_other_numbers_and_ids_are_no_difference() -> None:
    assert compare("id 3f2a99b1c0 took 12 s", "id 77aa00cc11 took 9 s") == ()


def test_a_long_difference_is_cut() -> None:
    letters = [f"{'ab'[n % 2]} {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(150)]

    found = compare("", "\n".join(letters))

    assert len(found) == SHOWN + 1
    assert found[-1] == Line("…", "")


def test_the_tail_leaves_out_empty_lines() -> None:
    assert tail("one\n\ntwo\n   \nthree\n\n", 2) == "two\nthree"


@given(st.text(max_size=300), st.text(max_size=300))
def test_an_output_differs_from_itself_in_nothing(one: str, other: str) -> None:
    assert compare(one, one) == ()
    assert len(compare(one, other)) <= SHOWN + 1
