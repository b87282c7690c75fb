"""Mails about a pause: its start, its reminders, its end."""

from collections.abc import Iterable
from datetime import datetime

from earlywatch.domain.letter import (
    BILLING,
    CANCEL,
    CARD,
    EXTEND,
    HOW_TO_CANCEL,
    RESUME,
    WATCHED,
    Letter,
    Row,
    clean_names,
    counted,
    next_payment,
    remark,
    when,
)
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FREE
from earlywatch.domain.words import date_words

WHEN_YOU_COME_BACK = "when you come back; nothing is charged before"


def paused(
    *,
    plan: str,
    credit: Money,
    until: datetime | None,
    names: Iterable[str],
    zone: str,
    now: datetime,
) -> Letter:
    """Tell that a plan is paused; `names` are the monitors that are no longer watched."""
    listed = clean_names(names)
    extend = (EXTEND,) if until else ()
    return Letter(
        subject=f"{plan} is paused: {_unwatched(len(listed))}",
        first=f"{plan} is paused since {when(now, zone, now)}. Nothing is charged meanwhile.",
        paragraphs=(
            (
                f"The limits of Free apply: {FREE.monitors} monitors stay watched. Pings to the"
                " others are accepted and kept, but nobody is told when they stay away."
            ),
            _before(until),
            HOW_TO_CANCEL,
        ),
        rows=(
            ("Plan", plan),
            ("Credit for unused time", credit.words),
            _first_charge(until, zone, now),
            ("No longer watched", _listed(len(listed))),
        ),
        names=listed,
        buttons=(RESUME, *extend, CANCEL, *((WATCHED,) if listed else ())),
    )


def resume_soon(
    *,
    days: int,
    until: datetime,
    due: Money,
    plan: str,
    card: str | None,
    zone: str,
    now: datetime,
) -> Letter:
    """Remind of the end of a pause; `due` is the first charge, `card` names what it goes to.

    This is the reminder of `days` before.
    """
    without_card = ("No card is known, so the plan stays paused.",) if due and not card else ()
    return Letter(
        subject=f"{plan} resumes on {date_words(until, zone)}: {_charged(due)}",
        first=f"Your pause ends on {when(until, zone, now)}. {plan} is then on again and"
        f" {_charged(due)}.",
        paragraphs=(
            *without_card,
            (
                f"This is the reminder that we send {counted(days, 'day')} before. You can extend"
                " the pause, resume now, or cancel: each is one button."
            ),
            HOW_TO_CANCEL,
        ),
        rows=(
            ("Plan", plan),
            ("Resumes", when(until, zone, now)),
            ("Charged then", due.words),
            ("Card", card or "none"),
        ),
        buttons=(EXTEND, RESUME, CANCEL),
    )


def resumed(
    *,
    plan: str,
    price: Money,
    next_at: datetime,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell that the pause is over; the receipt of what was charged is a mail of its own."""
    return Letter(
        subject=f"{plan} is on again",
        first=f"{plan} is on again since {when(now, zone, now)}.",
        paragraphs=(
            (
                "Every deadline is counted from now, so nothing that happened in the pause raises"
                " an alert."
            ),
            "What was charged is in the receipt. There is none if a credit covered it.",
            HOW_TO_CANCEL,
        ),
        rows=(
            ("Plan", plan),
            next_payment(next_at, price, zone, now),
        ),
        buttons=(BILLING, CANCEL),
    )


def resume_failed(*, plan: str, reason: str) -> Letter:
    """Tell that a plan stays paused because the payment failed; `reason` is a sentence."""
    return Letter(
        subject=f"{plan} stays paused: the payment failed",
        first=f"{plan} stays paused, because the payment failed.",
        paragraphs=(
            remark(reason),
            (
                "Nothing was charged and nothing else has changed. With another card you can resume"
                " at any time."
            ),
            HOW_TO_CANCEL,
        ),
        rows=(("Plan", plan), ("Next payment", "none, until it succeeds or you resume")),
        buttons=(CARD, RESUME, CANCEL),
    )


def still_paused(*, plan: str, since: datetime, zone: str, now: datetime) -> Letter:
    """Say every half year that a pause without an end goes on."""
    return Letter(
        subject=f"{plan} is still paused",
        first=f"{plan} is paused since {when(since, zone, now)}. It stays so until you come back.",
        paragraphs=(
            (
                "Nothing was charged and nothing will be. Your data is kept. We write this every"
                " six months, so that you know."
            ),
            HOW_TO_CANCEL,
        ),
        rows=(("Plan", plan), ("Next payment", "none, until it succeeds or you resume")),
        buttons=(RESUME, CANCEL),
    )


def extended(*, plan: str, until: datetime | None, zone: str, now: datetime) -> Letter:
    """Tell that the pause ends later; `until` None: when the owner comes back."""
    extend = (EXTEND,) if until else ()
    end = when(until, zone, now) if until else "you come back"
    return Letter(
        subject=f"The pause of {plan} is extended",
        first=f"{plan} now stays paused until {end}. Nothing is charged before.",
        paragraphs=(_before(until), HOW_TO_CANCEL),
        rows=(("Plan", plan), _first_charge(until, zone, now)),
        buttons=(*extend, RESUME, CANCEL),
    )


def _before(until: datetime | None) -> str:
    if until is None:
        return "The pause has no end of its own. We write every six months that it goes on."
    return "We write 7 days and 1 day before the first charge, with its exact amount."


def _first_charge(until: datetime | None, zone: str, now: datetime) -> Row:
    return "Next payment", when(until, zone, now) if until else WHEN_YOU_COME_BACK


def _charged(due: Money) -> str:
    return f"{due.words} is charged" if due else "nothing is charged"


def _unwatched(count: int) -> str:
    if not count:
        return "every monitor stays watched"
    return f"{counted(count)} {'is' if count == 1 else 'are'} no longer watched"


def _listed(count: int) -> str:
    return f"{counted(count)}, named below" if count else "none: all stay watched"
