"""Mails about money: facts, figures, dates, a way out, and no pressure."""

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain import billing_letters
from earlywatch.domain.billing_letters import Letter
from earlywatch.domain.letter import counted, when
from earlywatch.domain.money import Money

NOW = datetime(2026, 11, 20, 5, 17, 3, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
VALUES: dict[str, Any] = {
    "plan": "Team",
    "paid": Money(2_000),
    "price": Money(2_000),
    "amount": Money(2_000),
    "due": Money(766),
    "credit": Money(1_234),
    "refund": Money(933),
    "given_back": Money(500),
    "number": "EW-0001",
    "next_at": LATER,
    "next_amount": Money(2_000),
    "next_attempt_at": NOW + timedelta(days=3),
    "tried_at": NOW,
    "grace_ends_at": NOW + timedelta(days=14),
    "until": LATER,
    "ends_at": LATER,
    "at": LATER,
    "since": NOW - timedelta(days=365),
    "start": NOW - timedelta(days=30),
    "end": NOW,
    "days": 7,
    "card": "Visa ending in 4242",
    "reason": "The card was declined.",
    "before": "Supporter, $7.00 a month",
    "after": "Team, $20.00 a month",
    "sentence": "Changed from Supporter to Team: $13.00 charged now.",
    "names": ["nightly backup", "weekly report"],
    "limit": 20,
    "call": True,
    "alerts": 12,
    "monitor": "nightly backup",
    "what": "nightly backup is late",
    "workspace": "Night shift",
    "why": "The bank warned of fraud.",
    "to_card": False,
    "zone": "Europe/Berlin",
    "now": NOW,
}
ABOUT_WATCHING = {"frozen", "thawed", "sms_cap"}
TO_OPERATORS = {"dispute", "fraud", "refund_failed", "refund_refused", "undelivered"}
NOTHING_TO_CANCEL = {"cancelled", "ended_unpaid", "refunded", *ABOUT_WATCHING, *TO_OPERATORS}
WITHOUT_A_DATE = {
    "refunded",
    "cancelled",
    "ended_unpaid",
    "grace_over",
    "resume_failed",
    *ABOUT_WATCHING,
}
PURPOSES = {
    *("billing", "extend", "resume", "cancel", "keep"),
    *("card", "watched", "invoice", "history"),
}
# From the catalogues of dark patterns: urgency, shame, threat, flattery, begging.
DARK = re.compile(
    r"!|hurry|last chance|only \d+ left|don.t miss|act now|urgent|sorry|unfortunately|sad"
    r"|miss you|lose|lost|special|exclusive|offer|are you sure|regret|please (stay|reconsider)",
    re.IGNORECASE,
)
NAMES = [name for name in billing_letters.__all__ if name != "Letter"]
names = pytest.mark.parametrize("name", NAMES)


def write(name: str, **changes: Any) -> Letter:
    """Call a function of the letters with what it asks for."""
    function = getattr(billing_letters, name)
    wanted = inspect.signature(function).parameters
    letter = function(**{key: (VALUES | changes)[key] for key in wanted})
    assert isinstance(letter, Letter)
    return letter


def words_of(letter: Letter) -> str:
    rows = [f"{word}: {said}" for word, said in letter.rows]
    return "\n".join([letter.subject, letter.first, *letter.paragraphs, *rows])


@names
def test_a_letter_says_a_fact_without_pressure(name: str) -> None:
    said = words_of(write(name))

    assert not DARK.search(said), DARK.search(said)
    assert "None" not in said
    assert "{" not in said


@names
def test_a_letter_fits_an_inbox_and_comes_back_from_storage(name: str) -> None:
    letter = write(name)

    assert len(letter.subject) <= 90
    assert not letter.subject.endswith(".")
    assert letter.first.endswith((".", ":"))
    assert {purpose for purpose, _ in letter.buttons} <= PURPOSES
    assert Letter.from_json(json.loads(json.dumps(letter.to_json()))) == letter


@pytest.mark.parametrize("name", sorted(set(NAMES) - NOTHING_TO_CANCEL))
def test_a_letter_about_money_says_how_to_cancel(name: str) -> None:
    letter = write(name)

    assert "cancel" in [purpose for purpose, _ in letter.buttons]
    assert "cancel" in " ".join(letter.paragraphs).lower()


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_A_DATE - TO_OPERATORS))
def test_a_letter_about_money_names_its_dates_with_their_zone(name: str) -> None:
    said = words_of(write(name))

    assert re.search(r"\d{1,2} [A-Z][a-z]{2} 202\d, \d\d:\d\d Europe/Berlin \(", said)


@names
def test_every_amount_that_is_given_is_said(name: str) -> None:
    function = getattr(billing_letters, name)
    said = words_of(write(name))

    amounts = [
        VALUES[key] for key in inspect.signature(function).parameters if key != "next_amount"
    ]
    assert all(each.words in said for each in amounts if isinstance(each, Money))


@names
def test_every_monitor_is_named(name: str) -> None:
    wanted = inspect.signature(getattr(billing_letters, name)).parameters

    letter = write(name)

    assert letter.names == (tuple(VALUES["names"]) if "names" in wanted else ())


def test_what_is_not_there_is_left_out() -> None:
    assert ("Next payment", "none") in write("receipt", next_at=None, next_amount=None).rows
    assert "Invoice" not in dict(write("receipt", number=None).rows)
    assert dict(write("payment_failed", next_attempt_at=None).rows)["Next attempt"] == "not planned"
    assert dict(write("cancelled", refund=None).rows)["Refund"] == "none"
    assert "No longer watched" not in dict(write("cancelled", names=[]).rows)
    assert dict(write("paused", names=[]).rows)["No longer watched"] == "none: all stay watched"
    assert dict(write("resume_soon", card=None).rows)["Card"] == "none"


def test_an_endless_pause_cannot_be_extended() -> None:
    for name in ("paused", "extended"):
        letter = write(name, until=None)

        assert "extend" not in dict(letter.buttons)
        assert dict(letter.rows)["Next payment"] == "when you come back; nothing is charged before"


def test_a_reminder_of_a_free_resumption_says_that_nothing_is_charged() -> None:
    letter = write("resume_soon", due=Money(0))

    assert letter.subject == "Team resumes on 20 Dec 2026: nothing is charged"


def test_a_fair_use_refund_says_that_it_goes_to_the_card() -> None:
    letter = write("fair_use", to_card=True)

    assert letter.subject.startswith("Refund of $12.34")
    assert "card within 14 days" in letter.paragraphs[0]


def test_a_moment_to_come_says_how_far_off_it_is() -> None:
    assert when(NOW, "UTC", NOW) == "Fri 20 Nov 2026, 05:17 UTC"
    assert when(NOW + timedelta(hours=2), "UTC", NOW) == "Fri 20 Nov 2026, 07:17 UTC, today"
    assert when(NOW + timedelta(days=1), "UTC", NOW) == "Sat 21 Nov 2026, 05:17 UTC, tomorrow"
    assert when(LATER, "UTC", NOW) == "Sun 20 Dec 2026, 05:17 UTC, in 30 days"


def test_counts_are_read_out_loud() -> None:
    assert counted(1) == "1 monitor"
    assert counted(5_000) == "5,000 monitors"
    assert write("frozen", names=["one"]).subject == "1 monitor is no longer watched"


@given(st.lists(st.text(max_size=200), max_size=400))
def test_parts_together_name_every_monitor_in_order(monitors: list[str]) -> None:
    letter = write("frozen", names=monitors)

    parts = letter.in_parts()

    assert tuple(name for part in parts for name in part.names) == letter.names
    assert all(len(name.splitlines()) == 1 for name in letter.names)
    assert len({part.subject for part in parts}) == len(parts)


@given(st.text(max_size=2_000))
def test_what_others_wrote_stays_on_one_line(text: str) -> None:
    letter = write("resume_failed", reason=text)

    assert len(letter.paragraphs[0]) <= 300
    assert len(letter.paragraphs[0].splitlines()) <= 1
    json.dumps(letter.to_json()).encode()
