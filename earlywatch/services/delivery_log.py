"""The log of a delivery: each attempt, what it was answered, and how long that took."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from earlywatch.models import Attempt, Delivery
from earlywatch.models.delivery import DeliveryState
from earlywatch.services.outbox import LEASE

UNENDED = "No end on record: the process that sent it was stopped, and it was tried again."
REPORT = 0  # the number of what the other side said later
SHORT = timedelta(seconds=10)


@dataclass(frozen=True)
class Line:
    """One attempt. `at` is UTC, None where no end was recorded."""

    number: int
    at: datetime | None
    sent: bool
    words: str  # such as "accepted after 0.3 s"
    answer: str


def lines(delivery: Delivery, now: datetime) -> list[Line]:
    """Return a line for each attempt at a delivery, those that never ended among them."""
    ended = {attempt.number for attempt in delivery.log}
    later = _first_to_come(delivery, now)
    # What the former version tried is not in the log.
    first = 1 if delivery.due_at else min((number for number in ended if number), default=later)
    told = [
        Line(number, None, sent=False, words="stopped", answer=UNENDED)
        for number in range(first, later)
        if number not in ended
    ]
    told += [
        Line(attempt.number, attempt.at, attempt.sent, _words(attempt), attempt.answer)
        for attempt in delivery.log
    ]
    # What was reported later comes last.
    return sorted(told, key=lambda line: (line.number == REPORT, line.number))


def _first_to_come(delivery: Delivery, now: datetime) -> int:
    """Return the number of the first attempt whose end may still be recorded."""
    tried_at = delivery.last_attempt_at
    leased = tried_at is not None and now - tried_at < LEASE
    under_way = leased and delivery.state == DeliveryState.PENDING
    return delivery.attempts if under_way else delivery.attempts + 1


def _words(attempt: Attempt) -> str:
    if attempt.number == REPORT:
        return "reported later"
    if not attempt.took:
        return "not tried"
    took = attempt.took.total_seconds()
    length = f"{took:.1f} s" if attempt.took < SHORT else f"{took:.0f} s"
    return f"{'accepted' if attempt.sent else 'failed'} after {length}"
