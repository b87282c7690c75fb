"""Mails about a plan that changes or ends, and about what is watched under it."""

from collections.abc import Iterable
from datetime import datetime

from earlywatch.domain.alert_words import one_line
from earlywatch.domain.letter import (
    BILLING,
    CANCEL,
    FREE_LIMITS,
    HOW_TO_CANCEL,
    WATCHED,
    Button,
    Letter,
    clean_names,
    counted,
    next_payment,
    remark,
    when,
)
from earlywatch.domain.money import Money
from earlywatch.domain.words import date_words

KEEP: Button = ("keep", "Keep the plan")


def cancel_set(*, plan: str, ends_at: datetime, zone: str, now: datetime) -> Letter:
    """Tell that a plan ends with its paid time."""
    return Letter(
        subject=f"{plan} ends on {date_words(ends_at, zone)}",
        first=f"You cancelled {plan}. It stays on until {when(ends_at, zone, now)}, and"
        " nothing more is charged.",
        paragraphs=(
            (
                f"Until then you can undo this. After that {FREE_LIMITS} Your data stays, and you"
                " can export it at any time."
            ),
            "To end it today and have the unused whole days paid back, cancel now instead.",
        ),
        rows=(
            ("Plan", plan),
            ("Ends", when(ends_at, zone, now)),
            ("Next payment", "none"),
        ),
        buttons=(KEEP, CANCEL),
    )


def kept(
    *,
    plan: str,
    next_at: datetime | None,
    next_amount: Money | None,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell that a cancellation was undone."""
    return Letter(
        subject=f"{plan} goes on",
        first=f"You undid the cancellation. {plan} goes on as before.",
        paragraphs=(HOW_TO_CANCEL,),
        rows=(("Plan", plan), next_payment(next_at, next_amount, zone, now)),
        buttons=(BILLING, CANCEL),
    )


def cancelled(*, plan: str, refund: Money | None, names: Iterable[str]) -> Letter:
    """Tell that a plan has ended; `names` are the monitors that are no longer watched."""
    listed = clean_names(names)
    given = f" {refund.words} goes back to your card within 14 days." if refund else ""
    # Without names a mail of its own tells of what is frozen.
    unwatched = (("No longer watched", f"{counted(len(listed))}, named below"),) if listed else ()
    return Letter(
        subject=f"{plan} is cancelled" + (f": {refund.words} refunded" if refund else ""),
        first=f"{plan} has ended. Nothing more is charged.{given}",
        paragraphs=(
            f"From now on {FREE_LIMITS} Your data stays, and you can export it at any time.",
            (
                "Pings to frozen monitors are accepted and kept, but nobody is told when they stay"
                " away."
            ),
        ),
        rows=(
            ("Plan", plan),
            ("Refund", refund.words if refund else "none"),
            ("Next payment", "none"),
            *unwatched,
        ),
        names=listed,
        buttons=((WATCHED, BILLING) if listed else (BILLING,)),
    )


def changed(
    *,
    before: str,
    after: str,
    sentence: str,
    next_at: datetime | None,
    next_amount: Money | None,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell that plan, amount or interval changed; `sentence` says so, and what that cost.

    `before` and `after` are words such as "Team, $20.00 a month".
    """
    return Letter(
        subject=f"Plan changed: {remark(after)}",
        first=remark(sentence),
        paragraphs=(HOW_TO_CANCEL,),
        rows=(
            ("Before", remark(before)),
            ("Now", remark(after)),
            next_payment(next_at, next_amount, zone, now),
        ),
        buttons=(BILLING, CANCEL),
    )


def frozen(*, names: Iterable[str], limit: int, plan: str) -> Letter:
    """Tell the team which monitors are no longer watched: `plan` watches at most `limit`."""
    listed = clean_names(names)
    count = counted(len(listed))
    verb = "is" if len(listed) == 1 else "are"
    return Letter(
        subject=f"{count} {verb} no longer watched",
        first=f"{count} {verb} frozen, because {plan} watches {counted(limit)} at the same time.",
        paragraphs=(
            (
                "Their pings are accepted and kept, but nobody is told when they stay away. Nothing"
                " is deleted."
            ),
            (
                "An owner can choose which monitors stay watched, pause some that need no watching,"
                " or change the plan."
            ),
        ),
        rows=(
            ("Plan", plan),
            ("Watched at most", counted(limit)),
            ("No longer watched", f"{count}, named below"),
        ),
        names=listed,
        buttons=(WATCHED, BILLING),
    )


def thawed(*, names: Iterable[str]) -> Letter:
    """Tell the team which monitors are watched again."""
    listed = clean_names(names)
    verb = "is" if len(listed) == 1 else "are"
    return Letter(
        subject=f"{counted(len(listed))} {verb} watched again",
        first=f"{counted(len(listed))} {verb} watched again. Every deadline is counted from now.",
        rows=(("Watched again", f"{counted(len(listed))}, named below"),),
        names=listed,
        buttons=(WATCHED,),
    )


def sms_cap(*, monitor: str, what: str, limit: int, call: bool) -> Letter:
    """Tell that an SMS was not sent, or no `call` made, because the month's `limit` is used up.

    `what` is the fact that it would have said: "nightly backup is late".
    """
    name = one_line(monitor, 80) or "A monitor"
    none, nothing = "No SMS was sent", f"An SMS about {name} was not sent"
    if call:
        none, nothing = "No call was made", f"A call about {name} was not made"
    fact = one_line(what, 160)
    return Letter(
        subject=f"{none}: {fact}",
        first=f"{nothing}, because the {limit:,} SMS and calls of this month are used up.",
        paragraphs=(
            "Other channels were told as always. Nothing is charged on top: the limit is hard.",
            "The count begins anew on the first of the month (UTC). A larger plan has more.",
        ),
        rows=(("Monitor", name), ("What happened", fact), ("SMS and calls a month", f"{limit:,}")),
        buttons=(BILLING,),
    )
