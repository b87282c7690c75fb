"""Mails to those who run this installation: what only a person can look into."""

from earlywatch.domain.alert_words import one_line
from earlywatch.domain.letter import Letter, Row, remark
from earlywatch.domain.money import Money


def dispute(*, workspace: str, amount: Money) -> Letter:
    """Tell that a customer disputes a charge."""
    name = _short(workspace)
    return Letter(
        subject=f"A charge of {amount.words} is disputed",
        first=f"A charge of {amount.words} to the workspace {name} is disputed.",
        paragraphs=("Nothing was frozen. Answer it in Stripe's dashboard.",),
        rows=_about(workspace, amount),
    )


def fraud(*, workspace: str, amount: Money) -> Letter:
    """Tell of an early fraud warning; the charge is refunded next."""
    name = _short(workspace)
    return Letter(
        subject=f"Warning of fraud: a charge of {amount.words}",
        first=f"The bank warns of fraud about a charge of {amount.words} to the workspace {name}.",
        paragraphs=(
            "It is refunded in full now; if Stripe refuses that, another mail says so.",
            "Nothing was frozen. Look at the account, please.",
        ),
        rows=_about(workspace, amount),
    )


def refund_refused(*, workspace: str, amount: Money, reason: str) -> Letter:
    """Tell that Stripe refused to give a charge back; `reason` is a sentence."""
    return Letter(
        subject=f"A charge of {amount.words} could not be given back",
        first=f"Stripe refused to refund {amount.words} to the workspace {_short(workspace)}.",
        paragraphs=(remark(reason), "It is not tried again. Give it back in Stripe's dashboard."),
        rows=_about(workspace, amount),
    )


def refund_failed(*, workspace: str, amount: Money) -> Letter:
    """Tell that a refund did not reach its card, so that the money is with us again."""
    name = _short(workspace)
    return Letter(
        subject=f"A refund of {amount.words} has failed",
        first=f"A refund of {amount.words} to the workspace {name} did not reach the card.",
        paragraphs=(
            "The money is on the balance of the Stripe account again, and nothing tries anew.",
            "Ask the workspace's owners how to give it back, please.",
        ),
        rows=_about(workspace, amount),
    )


def undelivered(*, workspace: str, plan: str) -> Letter:
    """Tell that a pause cannot end, because nobody got the reminder before its charge."""
    name = _short(workspace)
    return Letter(
        subject=f"A pause cannot end: nobody at {name} got its reminder",
        first=f"{plan} of the workspace {name} stays paused and is not charged, because the"
        " reminder a day before could not be delivered to any of its owners.",
        paragraphs=(
            "It is sent anew each day; a day after one arrived the pause ends.",
            "Look at the addresses of its owners, please, and reach them another way.",
        ),
        rows=(("Workspace", name), ("Plan", plan)),
    )


def _about(workspace: str, amount: Money) -> tuple[Row, ...]:
    return ("Workspace", _short(workspace)), ("Amount", amount.words)


def _short(workspace: str) -> str:
    return one_line(workspace, 80)
