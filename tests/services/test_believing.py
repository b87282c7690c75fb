"""A canary that is ill itself, or switched off: it holds judgement for minutes, not for long."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Interval
from earlywatch.services import hearing, outages, pings
from earlywatch.services.believing import LONGEST_ALONE, LONGEST_OF_SOME
from tests.builders import make_monitor
from tests.services.listening import MINUTE, SECOND, Ears, heard
from tests.services.pinging import ping

SUCCESS = PingKind.SUCCESS


@pytest.fixture
def ears(session: Session, now: datetime) -> Ears:
    """An installation that hears itself."""
    return Ears(session, now)


def test_a_canary_that_was_switched_off_proves_nothing_and_holds_nothing(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor = heard(session, now - 70 * SECOND)
    ears.tick(now + 30 * SECOND)
    assert outages.lasting(session)

    ears.tick(now + 40 * SECOND, canary=False)
    assert hearing.deaf_since(session, now + 40 * SECOND) is None
    session.refresh(monitor)
    assert monitor.deadline_at == now + 90 * SECOND
    assert ears.tick(now + 90 * SECOND, canary=False).judged == 1
    assert len(ears.outages) == 1


def test_a_canary_that_is_switched_on_again_was_not_deaf_meanwhile(
    session: Session, now: datetime, ears: Ears
) -> None:
    ears.tick(now + SECOND, canary=False)
    back = now + timedelta(days=3)

    ears.tick(back)
    ears.sing(back + 2 * SECOND)
    ears.tick(back + 3 * SECOND)

    assert ears.outages == []
    assert hearing.find(session).proof == back + 2 * SECOND


def test_a_canary_that_is_ill_itself_is_not_believed_when_others_are_heard(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor = heard(session, now, grace=5 * SECOND)
    for minute in range(1, 10):
        at = now + minute * MINUTE
        ears.hear([monitor], at, SUCCESS)
        ears.tick(at + 10 * SECOND)
        ears.tick(at + 20 * SECOND)

    [outage] = ears.outages
    assert outage.ended_at is not None
    assert outage.ended_at <= now + 3 * MINUTE
    assert not hearing.find(session).trusted
    assert ears.tick(now + 20 * MINUTE).judged == 1

    ears.sing(now + 21 * MINUTE)
    ears.tick(now + 21 * MINUTE)
    assert hearing.find(session).trusted
    assert len(ears.outages) == 1


@pytest.mark.parametrize(
    ("silent", "stores", "longest"),
    [
        (0, True, LONGEST_ALONE),
        (1, True, LONGEST_ALONE),
        (3, True, LONGEST_OF_SOME),
        (1, False, LONGEST_OF_SOME),
    ],
    ids=["nobody is due", "one is silent", "three are silent", "nothing is stored"],
)
def test_a_canary_that_nothing_agrees_with_holds_judgement_for_minutes(
    session: Session, now: datetime, ears: Ears, silent: int, stores: bool, longest: timedelta
) -> None:
    for _ in range(silent):
        heard(session, now)
    for minute in range(1, longest // MINUTE + 1):
        at = now + minute * MINUTE
        if stores:
            pings.record(session, [ping(ears.key, PingKind.IGNORED, at)], at)
        ears.tick(at)
    assert outages.lasting(session)

    ears.tick(now + longest + SECOND)

    [outage] = ears.outages
    assert outage.ended_at == now + longest + SECOND
    assert ears.tick(now + 3 * longest).judged == silent


def test_three_jobs_of_one_ping_a_day_are_late_some_minutes_later_at_most(
    session: Session, now: datetime, ears: Ears
) -> None:
    day = Interval(timedelta(days=1))
    for hour in (1, 2, 20):
        due = now + hour * 60 * MINUTE
        times: dict[str, Any] = {"expected_at": due, "deadline_at": due}
        times["last_ping_at"] = due - day.period
        make_monitor(session, schedule=day, grace=timedelta(0), status="up", **times)
    for minute in range(1, 130):
        at = now + minute * MINUTE
        pings.record(session, [ping(ears.key, PingKind.IGNORED, at)], at)
        ears.tick(at)

    assert [each.noticed_at for each in ears.incidents] == [
        now + hour * 60 * MINUTE for hour in (1, 2)
    ]
    assert len(ears.outages) == 1
