"""How the address of an account is spelt."""

from time import thread_time

import pytest

from earlywatch.services.emails import InvalidEmail, clean_email, known_spelling

TOO_LONG = f"{'a' * 60}@{'b.' * 100}org"
# The worst there is for Unicode's normal forms: marks above and below in turns.
MARKS = "a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 60_000
PATIENCE = 2.0  # seconds of this thread alone; normalising them took eight


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Alice@Example.ORG ", "alice@example.org"),
        ("ops+night@example.org", "ops+night@example.org"),
        ("post@müller.example.org", "post@müller.example.org"),
        ("post@xn--mller-kva.example.org", "post@müller.example.org"),
        ("Post@mu\N{COMBINING DIAERESIS}ller.example.org", "post@müller.example.org"),
    ],
)
def test_addresses_have_one_spelling(typed: str, stored: str) -> None:
    assert clean_email(typed) == known_spelling(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "alice", "alice@", "a b@example.org", "alice@localhost", "a\0@example.org", TOO_LONG],
)
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(InvalidEmail, match=r"^This is not an email address: .+\.$"):
        clean_email(typed)


@pytest.mark.parametrize("typed", ["josé@example.org", "mu\u0308ller@example.org"])
def test_addresses_that_mail_would_not_reach_are_refused(typed: str) -> None:
    with pytest.raises(InvalidEmail, match=r"^We cannot write to this address: .+ accents, .+\.$"):
        clean_email(typed)


def test_what_is_no_address_is_known_as_it_was_typed() -> None:
    assert known_spelling(" José@example.org ") == "josé@example.org"
    assert known_spelling("Alice") == "alice"


def test_no_text_keeps_everybody_waiting() -> None:
    start = thread_time()

    with pytest.raises(InvalidEmail, match="too long"):
        clean_email(f"{MARKS}@example.org")

    assert thread_time() - start < PATIENCE
