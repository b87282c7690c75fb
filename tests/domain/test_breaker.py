"""The breaker: what is down is asked now and then, and nobody waits for it longer than before."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.breaker import (
    FAILURES,
    LONGEST_TRIAL,
    MOST_TRIALS,
    PAUSE,
    SHORT_PAUSE,
    Breaker,
    on_ask,
    on_end,
    wait,
)
from earlywatch.domain.retry import SHORTEST_WAIT

LEAST = SHORTEST_WAIT.total_seconds()
jitters = st.floats(0, 1, exclude_max=True)


def opened(now: float = 0.0) -> Breaker:
    """A breaker of a provider that has just failed often enough."""
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = on_end(breaker, now, ill=True)
    return breaker


def asked(breaker: Breaker, now: float) -> Breaker:
    """The breaker after a message that it let through."""
    taken = on_ask(breaker, now, overdue=False)
    assert taken is not None
    return taken


def test_a_few_failures_change_nothing() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker = on_end(breaker, 0, ill=True)

    assert on_ask(breaker, 0, overdue=False) is not None


def test_failures_between_successes_never_open_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = on_end(on_end(breaker, 0, ill=True), 0, ill=False)

    assert not breaker.is_open


def test_an_open_one_lets_one_through_after_its_pause() -> None:
    breaker = opened()

    assert on_ask(breaker, PAUSE - 1, overdue=False) is None
    trying = asked(breaker, PAUSE)
    assert on_ask(trying, PAUSE + 1, overdue=False) is None


def test_a_trial_that_fails_begins_the_pause_anew() -> None:
    breaker = on_end(asked(opened(), PAUSE), PAUSE + 1, ill=True)

    assert on_ask(breaker, 2 * PAUSE, overdue=False) is None
    assert on_ask(breaker, 2 * PAUSE + 1, overdue=False) is not None


def test_a_trial_that_succeeds_closes_it() -> None:
    breaker = on_end(asked(opened(), PAUSE), PAUSE + 1, ill=False)

    assert breaker == Breaker()


def test_a_trial_that_nobody_reports_on_is_forgotten() -> None:
    trying = asked(opened(), PAUSE)

    assert on_ask(trying, PAUSE + LONGEST_TRIAL, overdue=False) is not None


def test_what_has_waited_long_enough_need_not_wait_for_the_pause() -> None:
    breaker: Breaker | None = opened()
    for _ in range(MOST_TRIALS):
        assert breaker is not None
        breaker = on_ask(breaker, 1, overdue=True)

    assert breaker is not None
    assert on_ask(breaker, 1, overdue=True) is None


@dataclass
class Trial:
    """A message under way."""

    ends_at: float
    fails: bool


# What others send: seconds until the next, how long it takes, and whether it fails.
others = st.lists(
    st.tuples(st.floats(0, 40), st.floats(0, 20), st.booleans(), st.booleans()), max_size=60
)


@given(others)
def test_an_open_breaker_is_never_asked_by_more_than_its_trials(
    steps: list[tuple[float, float, bool, bool]],
) -> None:
    breaker, now, under_way = opened(), 0.0, list[Trial]()
    for pause, takes, fails, overdue in steps:
        now += pause
        for trial in [trial for trial in under_way if trial.ends_at <= now]:
            under_way.remove(trial)
            breaker = on_end(breaker, trial.ends_at, ill=trial.fails)
        if not breaker.is_open:
            return
        taken = on_ask(breaker, now, overdue=overdue)
        if taken is not None:
            breaker = taken
            under_way.append(Trial(now + takes, fails))
        assert len(under_way) <= MOST_TRIALS


@given(st.floats(0, 1_000), st.lists(jitters, min_size=1, max_size=30))
def test_nobody_waits_longer_than_the_rules_for_retries_would_let_them(
    failed_ago: float, spread: list[float]
) -> None:
    """With no trial of another under way, it is let through by its second attempt at the latest."""
    breaker = opened(-failed_ago)
    now = 0.0
    for jitter in spread:
        if on_ask(breaker, now, overdue=now >= LEAST) is not None:
            break
        now += wait(LEAST - now, jitter)
    else:
        assert len(spread) < 3
        return

    assert now <= LEAST


@given(jitters)
def test_the_wait_of_what_is_overdue_is_short(jitter: float) -> None:
    assert SHORT_PAUSE <= wait(0, jitter) <= 1.1 * SHORT_PAUSE
    assert wait(1, jitter) == 1
