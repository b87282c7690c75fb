"""Mails about payments: what was charged, what failed, what comes next, what is given back."""

from datetime import datetime

from earlywatch.domain.letter import (
    BILLING,
    CANCEL,
    CARD,
    FREE_LIMITS,
    HISTORY,
    HOW_TO_CANCEL,
    Letter,
    Row,
    counted,
    next_payment,
    remark,
    when,
)
from earlywatch.domain.money import Money
from earlywatch.domain.words import date_words


def receipt(
    *,
    plan: str,
    paid: Money,
    number: str | None,
    next_at: datetime | None,
    next_amount: Money | None,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell of a charge; `number` is the invoice's, `next_at` None if nothing more is charged."""
    by_credit = () if paid else ("Your credit covered it, so the card was not charged.",)
    return Letter(
        subject=f"Receipt: {paid.words} for {plan}",
        first=f"You paid {paid.words} for {plan}.",
        paragraphs=(*by_credit, HOW_TO_CANCEL),
        rows=(
            ("Plan", plan),
            ("Paid", paid.words),
            *_numbered(number),
            next_payment(next_at, next_amount, zone, now),
        ),
        buttons=(("invoice", "See the invoice"), CANCEL),
    )


def payment_failed(
    *,
    amount: Money,
    plan: str,
    tried_at: datetime,
    next_attempt_at: datetime | None,
    grace_ends_at: datetime,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell of a charge that failed; `next_attempt_at` None if the card is not tried again."""
    end = when(grace_ends_at, zone, now)
    again = when(next_attempt_at, zone, now) if next_attempt_at else "not planned"
    return Letter(
        subject=f"The payment of {amount.words} for {plan} failed",
        first=f"The payment of {amount.words} for {plan} failed on {when(tried_at, zone, now)}.",
        paragraphs=(
            f"Everything stays on until {end}. If the payment is still open then, {FREE_LIMITS}",
            "With another card the payment is tried again. " + HOW_TO_CANCEL,
        ),
        rows=(
            ("Plan", plan),
            ("Amount", amount.words),
            ("Tried", when(tried_at, zone, now)),
            ("Next attempt", again),
            ("Everything on until", end),
        ),
        buttons=(CARD, CANCEL),
    )


def grace_over(*, plan: str) -> Letter:
    """Tell that a payment stayed open for the whole grace."""
    return Letter(
        subject=f"The payment for {plan} is still open: the limits of Free apply",
        first=f"The payment for {plan} has been open for 14 days. From now on {FREE_LIMITS}",
        paragraphs=(
            (
                "Once it is paid, everything is on again. If a monitor is frozen by this, a mail of"
                " its own names it."
            ),
            "You can cancel instead, here or on the billing page; then it is not tried again.",
        ),
        rows=(
            ("Plan", plan),
            ("Next payment", "the open one, when the card can be charged"),
        ),
        buttons=(CARD, CANCEL),
    )


def ended_unpaid(*, plan: str) -> Letter:
    """Tell that a plan has ended because a payment never came."""
    return Letter(
        subject=f"{plan} has ended: a payment stayed open",
        first=f"{plan} has ended because a payment stayed open. From now on {FREE_LIMITS}",
        paragraphs=(
            (
                "Nothing more is charged, and the open payment is not asked for again. If a monitor"
                " is frozen by this, a mail of its own names it."
            ),
            "You can subscribe again at any time; everything is still there.",
        ),
        rows=(("Plan", "Free"), ("Next payment", "none")),
        buttons=(BILLING,),
    )


def renewal_soon(
    *, days: int, at: datetime, amount: Money, plan: str, zone: str, now: datetime
) -> Letter:
    """Remind of the renewal of a yearly plan; this is the reminder of `days` before."""
    return Letter(
        subject=f"{plan} renews on {date_words(at, zone)}: {amount.words}",
        first=f"Your yearly plan {plan} renews on {when(at, zone, now)}. The card is then"
        f" charged {amount.words}.",
        paragraphs=(
            f"This is the reminder that we send {counted(days, 'day')} before.",
            HOW_TO_CANCEL,
        ),
        rows=(
            ("Plan", f"{plan}, paid by the year"),
            ("Amount", amount.words),
            ("Renews", when(at, zone, now)),
        ),
        buttons=(BILLING, CANCEL),
    )


def yearly_summary(
    *,
    paid: Money,
    given_back: Money,
    alerts: int,
    since: datetime,
    until: datetime,
    next_at: datetime | None = None,
    next_amount: Money | None = None,
    zone: str,
    now: datetime,
) -> Letter:
    """Sum up the year from `since` to `until`."""
    return Letter(
        subject=f"Your year with Earlywatch: {paid.words} paid, {counted(alerts, 'alert')} sent",
        first=f"From {date_words(since, zone)} to {date_words(until, zone)} you paid {paid.words}"
        f" and got {counted(alerts, 'alert')}.",
        paragraphs=(HOW_TO_CANCEL,),
        rows=(
            ("From", when(since, zone, now)),
            ("To", when(until, zone, now)),
            ("Paid", paid.words),
            ("Given back", given_back.words),
            ("Alerts sent", f"{alerts:,}"),
            next_payment(next_at, next_amount, zone, now),
        ),
        buttons=(HISTORY, CANCEL),
    )


def fair_use(
    *,
    start: datetime,
    end: datetime,
    credit: Money,
    to_card: bool = False,
    next_at: datetime | None = None,
    next_amount: Money | None = None,
    zone: str,
    now: datetime,
) -> Letter:
    """Tell that a paid month without a single ping is given back, as a credit or to the card."""
    name = "Refund" if to_card else "Credit"
    return Letter(
        subject=f"{name} of {credit.words}: no monitor got a ping in a month you paid for",
        first=f"From {date_words(start, zone)} to {date_words(end, zone)} no monitor received a"
        f" ping. What you paid for that time, {credit.words}, is given back.",
        paragraphs=(
            _way_back(to_card=to_card),
            "If your jobs should have pinged, look at their ping URLs.",
            HOW_TO_CANCEL,
        ),
        rows=(
            ("From", when(start, zone, now)),
            ("To", when(end, zone, now)),
            (name, credit.words),
            next_payment(next_at, next_amount, zone, now),
        ),
        buttons=(BILLING, CANCEL),
    )


def refunded(*, amount: Money, why: str) -> Letter:
    """Tell of money that goes back to the card; `why` is a sentence."""
    return Letter(
        subject=f"Refund of {amount.words}",
        first=f"We gave {amount.words} back to your card.",
        paragraphs=(
            remark(why),
            (
                "It reaches the card within 14 days. What is paid next, and when, is on the billing"
                " page; you can cancel there."
            ),
        ),
        rows=(("Refund", amount.words),),
        buttons=(BILLING, HISTORY),
    )


def _numbered(number: str | None) -> tuple[Row, ...]:
    return (("Invoice", number),) if number else ()


def _way_back(*, to_card: bool) -> str:
    if to_card:
        return "It comes back to your card within 14 days."
    return "The credit is taken off what you pay next. If you cancel, it comes back to your card."
