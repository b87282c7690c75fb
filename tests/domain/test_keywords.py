"""What the words of a ping mean."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.keywords import (
    LONGEST_WORD,
    MOST_WORDS,
    InvalidKeywords,
    Keywords,
    Otherwise,
)
from earlywatch.domain.monitor import PingKind

RULES = Keywords(start=("begin",), success=("all fine", "done"), failure=("ERROR", "failed"))
word = st.text(min_size=1, max_size=8).filter(str.strip)
words = st.lists(word, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("subject", "body", "kind"),
    [
        ("nightly", b"begin", PingKind.START),
        ("nightly", b"begin ... done", PingKind.SUCCESS),
        ("all fine", b"done, but one step failed", PingKind.FAIL),
        ("an error", None, PingKind.FAIL),
        ("nightly", b"", PingKind.SUCCESS),
        (None, None, PingKind.SUCCESS),
        (None, "caf\xe9: failed".encode("latin-1"), PingKind.FAIL),
        ("fai", b"led", PingKind.SUCCESS),
    ],
)
def test_failure_goes_before_success_and_success_before_start(
    subject: str | None, body: bytes | None, kind: PingKind
) -> None:
    assert RULES.read(subject, body) is kind


def test_case_counts_where_it_is_switched_on() -> None:
    strict = Keywords(failure=("ERROR",), match_case=True)

    assert strict.read(None, b"no error") is PingKind.SUCCESS
    assert strict.read(None, b"ERROR") is PingKind.FAIL
    assert Keywords(failure=("STRASSE",)).read("stra\N{LATIN SMALL LETTER SHARP S}e", None) is (
        PingKind.FAIL
    )


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_text_that_says_so_is_utf_16(coding: str) -> None:
    mark = "" if coding in ("utf-16", "utf-8-sig") else "\N{ZERO WIDTH NO-BREAK SPACE}"

    assert RULES.read(None, f"{mark}backup: FAILED".encode(coding)) is PingKind.FAIL
    assert RULES.read(None, b"\xff\xfe\xff") is PingKind.SUCCESS


def test_only_the_chosen_places_are_read() -> None:
    in_subject = Keywords(failure=("bad",), in_body=False)
    in_body = Keywords(failure=("bad",), in_subject=False)

    assert in_subject.read("bad", b"") is in_body.read("", b"bad") is PingKind.FAIL
    assert in_subject.read("", b"bad") is in_body.read("bad", b"") is PingKind.SUCCESS


@pytest.mark.parametrize("otherwise", Otherwise)
def test_the_owner_decides_what_none_of_the_words_means(otherwise: Otherwise) -> None:
    rules = Keywords(start=("begin",), otherwise=otherwise)

    assert rules.read("something", b"else") == PingKind(otherwise.value)


@given(words, words, words, st.binary(max_size=60), st.booleans(), st.sampled_from(Otherwise))
def test_any_bytes_are_read_in_this_order(
    start: tuple[str, ...],
    success: tuple[str, ...],
    failure: tuple[str, ...],
    noise: bytes,
    match_case: bool,
    otherwise: Otherwise,
) -> None:
    if not (start or success or failure):
        return
    rules = Keywords(start, success, failure, match_case, otherwise=otherwise)
    kinds = ((failure, PingKind.FAIL), (success, PingKind.SUCCESS), (start, PingKind.START))
    order = [kind for listed, kind in kinds if listed]

    for listed, kind in kinds:
        for wanted in listed:
            body = noise + b"\n" + wanted.encode() + b"\n" + noise
            assert order.index(rules.read(None, body)) <= order.index(kind)
            assert order.index(rules.read(wanted, noise)) <= order.index(kind)
    assert rules.read(None, noise) in {*order, PingKind(otherwise.value)}


@given(words, words, st.booleans(), st.sampled_from(Otherwise))
def test_rules_come_back_from_json_as_they_were(
    success: tuple[str, ...], failure: tuple[str, ...], match_case: bool, otherwise: Otherwise
) -> None:
    rules = Keywords(("go",), success, failure, match_case, in_body=False, otherwise=otherwise)

    assert Keywords.from_json(json.loads(json.dumps(rules.to_json()))) == rules


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({}, "at least one word"),
        ({"start": ("a",), "in_subject": False, "in_body": False}, "Choose where to look"),
        ({"failure": tuple(map(str, range(MOST_WORDS + 1)))}, "At most 20 words"),
        ({"success": ("  ",)}, "1 to 200 characters"),
        ({"success": ("x" * (LONGEST_WORD + 1),)}, "1 to 200 characters"),
    ],
)
def test_rules_that_make_no_sense_are_refused(made: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidKeywords, match=sentence):
        Keywords(**made)
