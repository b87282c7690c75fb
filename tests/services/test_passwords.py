"""Passwords: what is compared, and that no text makes it slow."""

import time

import pytest

from earlywatch.services.passwords import (
    LONGEST,
    InvalidPassword,
    check_password,
    hash_password,
    verify_password,
)

# The worst there is for Unicode's normal forms: marks above and below in turns.
MARKS = "a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 60_000
PATIENCE = 2.0  # seconds of this thread alone; normalising them took eight


def test_a_password_longer_than_any_is_nobodys() -> None:
    password = "x" * (LONGEST + 1)

    assert not verify_password(hash_password(password), password)
    assert verify_password(hash_password(password[:LONGEST]), password[:LONGEST])


def test_no_text_keeps_everybody_waiting() -> None:
    stored = hash_password("correct horse battery")
    start = time.thread_time()

    assert not verify_password(stored, MARKS)
    assert not verify_password(None, MARKS)
    with pytest.raises(InvalidPassword, match="at most 1000 characters"):
        check_password(MARKS, "alice@example.org")

    assert time.thread_time() - start < PATIENCE
