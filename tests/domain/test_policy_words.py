"""A plan of who is told when, in words."""

from datetime import timedelta

import pytest

from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.policy_words import plan_words
from earlywatch.domain.weekdays import day_words

MINUTE = timedelta(minutes=1)
NAMES = {1: "On call", 2: "Anna's phone", 3: "#ops"}
AT_ONCE = Step(0 * MINUTE, own=False, channel_ids=(1,))


def test_steps_and_reminders_follow_one_another() -> None:
    plan = Plan((AT_ONCE, Step(10 * MINUTE, own=False, channel_ids=(2,))), 30 * MINUTE)

    assert plan_words(plan, NAMES) == (
        "at once: On call; after 10 min: Anna's phone;"
        " then every 30 min, until somebody acknowledges or it is over"
    )


def test_many_are_listed_and_the_own_channels_come_last() -> None:
    plan = Plan((Step(0 * MINUTE, own=True, channel_ids=(1, 2, 3)),))

    assert plan_words(plan, NAMES) == (
        "at once: On call, Anna's phone, #ops and the monitor's own channels"
    )


def test_a_number_of_reminders_is_said() -> None:
    assert "every 5 min, once at most, until" in plan_words(Plan((AT_ONCE,), 5 * MINUTE, 1), NAMES)
    assert "3 times at most" in plan_words(Plan((AT_ONCE,), 5 * MINUTE, 3), NAMES)


def test_a_step_whose_channels_are_gone_falls_back_to_the_monitors_own() -> None:
    gone = Plan((Step(0 * MINUTE, own=False, channel_ids=(9,)),))

    assert plan_words(gone, NAMES) == (
        "at once: nobody that it names, so the monitor's own channels"
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((), "every day"),
        ((1, 2, 3, 4, 5, 6, 7), "every day"),
        ((3,), "Wednesday"),
        ((6, 7), "Saturday and Sunday"),
        ((1, 2, 3, 4, 5), "Monday to Friday"),
        ((1, 3, 5), "Monday, Wednesday and Friday"),
        ((7, 1, 2, 3), "Monday to Wednesday and Sunday"),
    ],
)
def test_days_in_words(days: tuple[int, ...], words: str) -> None:
    assert day_words(days) == words
