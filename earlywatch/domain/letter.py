"""A mail about money or watching as a value: its words and figures, without links."""

from binascii import b2a_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any, Self

from earlywatch.domain.alert_words import LONGEST_NAME, one_line
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FREE
from earlywatch.domain.words import dated_words, days_until

LONGEST_REMARK = 300
# Bytes that names may take in both parts of a mail: with the rest it stays below 50 kB, and
# whole; mail programs cut off what is longer.
ROOM_FOR_NAMES = 40_000
AROUND_A_NAME = 24  # bytes: list marks and line ends in both parts

Row = tuple[str, str]  # a word, and what is to be said under it
Button = tuple[str, str]  # what it is for, and its words

CANCEL: Button = ("cancel", "Cancel the plan")
BILLING: Button = ("billing", "Open billing")
RESUME: Button = ("resume", "Resume now")
EXTEND: Button = ("extend", "Extend the pause")
CARD: Button = ("card", "Change the card")
WATCHED: Button = ("watched", "Choose what stays watched")
HISTORY: Button = ("history", "See the billing history")
HOW_TO_CANCEL = (
    "You can cancel at any time, here or on the billing page. Unused whole days come back to your"
    " card within 14 days."
)
FREE_LIMITS = (
    f"the limits of Free apply: {FREE.monitors} monitors stay watched, more than that are frozen."
    " Nothing is deleted."
)


@dataclass(frozen=True)
class Letter:
    """What one mail says. `first` is the sentence after the subject: the fact and when it was.

    A button is named by what it is for: billing, extend, resume, cancel, keep, card, watched,
    invoice or history. Its link is made when the mail is sent.
    """

    subject: str
    first: str
    paragraphs: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    names: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what can be stored as JSON; `from_json` reads it back."""
        return {
            "subject": self.subject,
            "first": self.first,
            "paragraphs": list(self.paragraphs),
            "rows": [list(row) for row in self.rows],
            "names": list(self.names),
            "buttons": [list(button) for button in self.buttons],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return the letter that was stored."""
        return cls(
            subject=stored["subject"],
            first=stored["first"],
            paragraphs=tuple(stored["paragraphs"]),
            rows=tuple((word, said) for word, said in stored["rows"]),
            names=tuple(stored["names"]),
            buttons=tuple((purpose, words) for purpose, words in stored["buttons"]),
        )

    def in_parts(self) -> tuple["Letter", ...]:
        """Return letters that each fit into one mail, and together name every name."""
        groups = list(_fitting(self.names)) or [()]
        if len(groups) == 1:
            return (self,)
        return tuple(
            replace(self, subject=f"{self.subject} (part {part} of {len(groups)})", names=names)
            for part, names in enumerate(groups, start=1)
        )


def when(moment: datetime, zone: str, now: datetime) -> str:
    """Return `moment` (UTC) with its date, and for what is to come how far off it is."""
    said = dated_words(moment, zone)
    days = days_until(moment, zone, now)
    if moment <= now:
        return said
    return f"{said}, { ({0: 'today', 1: 'tomorrow'}.get(days) or f'in {days} days') }"


def next_payment(
    next_at: datetime | None, next_amount: Money | None, zone: str, now: datetime
) -> Row:
    """Return the row about the payment that comes next, if one does."""
    if next_at is None:
        return "Next payment", "none"
    moment = when(next_at, zone, now)
    return "Next payment", f"{next_amount.words} on {moment}" if next_amount is not None else moment


def counted(count: int, noun: str = "monitor") -> str:
    """Return "1 monitor" or "3 monitors"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def clean_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names as they can stand in a mail, each on one line."""
    return tuple(one_line(name, LONGEST_NAME) or "A monitor" for name in names)


def remark(text: str) -> str:
    """Return what somebody else wrote (a bank, an operator) on one line."""
    return one_line(text, LONGEST_REMARK)


def _fitting(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    group: list[str] = []
    room = ROOM_FOR_NAMES
    for name in names:
        size = _size(name)
        if size > room and group:
            yield tuple(group)
            group, room = [], ROOM_FOR_NAMES
        group.append(name)
        room -= size
    if group:
        yield tuple(group)


def _size(name: str) -> int:
    """Return how many bytes a name takes in a mail's text and HTML part."""
    return sum(len(b2a_qp(text.encode())) for text in (name, escape(name))) + AROUND_A_NAME
