"""A breaker: a provider that is down is asked now and then, instead of for every message."""

from dataclasses import dataclass, replace

FAILURES = 5  # in a row, before it opens
PAUSE = 30.0  # seconds from a failure to the next trial, or until what was held back asks again
SHORT_PAUSE = 5.0  # seconds, for what has waited long enough
SPREAD = 0.1
LONGEST_TRIAL = 45.0  # seconds: of a trial that took longer nobody will report any more
MOST_TRIALS = 2  # at once, of what has waited long enough


@dataclass(frozen=True)
class Breaker:
    """What is known of one provider. Moments are seconds of a clock that is never set.

    It is open, that is, holds messages back, after `FAILURES` failures in a row.
    """

    failures: int = 0
    failed_at: float = 0.0
    trials: tuple[float, ...] = ()  # when those under way began

    @property
    def is_open(self) -> bool:
        """Whether messages are held back."""
        return self.failures >= FAILURES


def on_ask(breaker: Breaker, now: float, *, overdue: bool) -> Breaker | None:
    """Return the breaker with one more message under way at `now`, or None if it must wait.

    One trial at a time, `PAUSE` after the failure before. What is `overdue`, because it would be
    sent by now if there were no breaker, is a trial of its own and need not wait for the pause:
    a provider may refuse some of its customers alone.
    """
    if not breaker.is_open:
        return breaker
    under_way = tuple(began for began in breaker.trials if now - began < LONGEST_TRIAL)
    free = len(under_way) < MOST_TRIALS if overdue else not under_way
    rested = overdue or now - breaker.failed_at >= PAUSE
    return replace(breaker, trials=(*under_way, now)) if free and rested else None


def on_end(breaker: Breaker, now: float, *, ill: bool) -> Breaker:
    """Return the breaker after a message that came to an end at `now`.

    `ill` means that the provider did not work. Any other answer, a refusal too, closes it.
    """
    if not ill:
        return Breaker()
    return Breaker(min(breaker.failures + 1, FAILURES), now, breaker.trials[1:])


def wait(overdue_in: float, jitter: float) -> float:
    """Return after how many seconds a message that was held back asks again.

    Never later than it becomes overdue, `overdue_in` seconds from now. `jitter` in [0, 1)
    spreads many of them.
    """
    if overdue_in <= 0:
        return SHORT_PAUSE * (1 + SPREAD * jitter)
    return min(PAUSE * (1 + SPREAD * jitter), overdue_in)
