"""Seconds without us, as in a deploy: no false alarm, no fuss, and no judgement held for long."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.models import Monitor
from earlywatch.services import hearing, outages
from earlywatch.services.believing import LONGEST_OF_SOME
from tests.services.listening import MINUTE, SECOND, Ears, heard


@pytest.fixture
def ears(session: Session, now: datetime) -> Ears:
    """An installation that hears itself."""
    return Ears(session, now)


def listening(ears: Ears, start: datetime, seconds: int, every: int) -> int:
    """Let the canary come, and the detector look; return how many monitors were judged."""
    judged = 0
    for second in range(1, seconds + 1):
        at = start + second * SECOND
        if second % every == 0:
            ears.sing(at)
        judged += ears.tick(at).judged
    return judged


@pytest.mark.parametrize("length", [6, 9, 14])
def test_a_ping_that_is_lost_in_a_deploy_is_waited_for_until_the_next(
    session: Session, now: datetime, ears: Ears, length: int
) -> None:
    monitors = [heard(session, now - back * SECOND, grace=SECOND) for back in (57, 56, 55)]
    judged = listening(ears, now, length, length)

    judged += listening(ears, now + length * SECOND, 50 - length, 2)
    ears.hear(monitors, now + 50 * SECOND, PingKind.SUCCESS)
    judged += listening(ears, now + 50 * SECOND, 20, 2)

    assert judged == 0
    assert ears.incidents == []


def test_a_ping_that_comes_through_before_the_canary_settles_nothing(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor = heard(session, now - 57 * SECOND, grace=SECOND)

    ears.hear([monitor], now + 8 * SECOND, PingKind.SUCCESS)

    assert ears.incidents == []


def test_it_is_written_down_and_shown_to_nobody(
    session: Session, now: datetime, ears: Ears
) -> None:
    listening(ears, now, 12, 12)

    [outage] = ears.outages
    assert (outage.began_at, outage.ended_at) == (now, now + 12 * SECOND)
    assert outages.history(session, now - MINUTE) == []
    assert hearing.deaf_since(session, now + 12 * SECOND) is None


def test_nobody_is_told_that_we_are_deaf_before_it_has_lasted(
    session: Session, now: datetime, ears: Ears
) -> None:
    ears.tick(now + 12 * SECOND)

    assert hearing.silence(session, now + 12 * SECOND) is not None
    assert hearing.deaf_since(session, now + 12 * SECOND) is None
    assert hearing.deaf_since(session, now + 16 * SECOND) == now


@pytest.mark.parametrize("every", [7, 12])
def test_a_canary_that_is_always_slow_hides_nobody(
    session: Session, now: datetime, ears: Ears, every: int
) -> None:
    heard(session, now - 50 * SECOND, grace=30 * SECOND)

    listening(ears, now, 300, every)

    [incident] = ears.incidents
    assert incident.noticed_at <= now + 3 * MINUTE


def test_a_canary_that_is_heard_now_and_then_hides_nobody_for_ever(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor = heard(session, now)
    for step in range(1, 2 * LONGEST_OF_SOME // (20 * SECOND)):
        at = now + step * 20 * SECOND
        ears.tick(at - SECOND)
        ears.sing(at)
        ears.tick(at)

    assert [each.monitor_id for each in ears.incidents] == [monitor.id]
    assert ears.incidents[0].noticed_at <= now + LONGEST_OF_SOME + 5 * MINUTE
    assert session.get_one(Monitor, monitor.id).status == "late"
