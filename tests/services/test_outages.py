"""No verdict while deaf: our own outage never looks like the customers', and ends."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind, Status
from earlywatch.models import Incident, Monitor, Outage, Ping, Tick
from earlywatch.models.outage import OutageCause
from earlywatch.services import hearing, moving, outages
from earlywatch.services.detection import mark_tick
from tests.builders import make_workspace
from tests.services.listening import MINUTE, SECOND, Ears, heard

SUCCESS, START, LOG = PingKind.SUCCESS, PingKind.START, PingKind.LOG


@pytest.fixture
def ears(session: Session, now: datetime) -> Ears:
    """An installation that hears itself."""
    return Ears(session, now)


def test_while_we_cannot_hear_nothing_is_judged(
    session: Session, now: datetime, ears: Ears
) -> None:
    heard(session, now)

    rounds = [ears.tick(now + second * SECOND) for second in range(1, 600, 5)]

    assert sum(each.judged for each in rounds) == 0
    assert [(each.began_at, each.ended_at) for each in ears.outages] == [(now, None)]
    assert hearing.deaf_since(session, now + 600 * SECOND) == now


def test_a_deadline_waits_until_the_canary_shows_that_its_ping_could_be_heard(
    session: Session, now: datetime, ears: Ears
) -> None:
    heard(session, now - 59 * SECOND, grace=3 * SECOND)

    assert ears.tick(now + 5 * SECOND).judged == 0
    ears.sing(now + 5 * SECOND)
    assert ears.tick(now + 5 * SECOND).judged == 1
    assert ears.incidents[0].opened_at == now + 4 * SECOND


def test_a_canary_that_was_heard_a_moment_ago_holds_up_nobody(
    session: Session, now: datetime, ears: Ears
) -> None:
    heard(session, now - 59 * SECOND, grace=timedelta(0))

    assert ears.tick(now + 2 * SECOND).judged == 1


def test_what_was_late_before_is_judged_all_the_same(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor = heard(session, now - 3 * MINUTE)

    assert ears.tick(now + MINUTE).judged == 1
    assert ears.incidents[0].opened_at == now - MINUTE
    assert ears.incidents[0].outage_id is None
    assert session.get_one(Monitor, monitor.id, populate_existing=True).status == Status.LATE


def test_an_outage_of_ten_minutes_among_a_thousand_monitors_raises_no_false_alarm(
    session: Session, now: datetime, ears: Ears
) -> None:
    workspace = make_workspace(session)
    groups = [
        [heard(session, now - back * SECOND, workspace=workspace) for _ in range(167)]
        for back in range(60, 0, -10)
    ]
    stopped = {group[0].id for group in groups}
    deaf_from, deaf_until = now + 2 * MINUTE, now + 12 * MINUTE
    for step in range(18 * 12):
        at, group = now + step * 5 * SECOND, groups[step // 2 % 6]
        if not deaf_from < at < deaf_until:
            ears.sing(at)
            alive = [each for each in group if at < deaf_from or each.id not in stopped]
            ears.hear(alive[: len(alive) * (step % 2 == 0)], at, SUCCESS)
        ears.tick(at)

    told = {each.monitor_id: each for each in ears.incidents}
    [outage] = ears.outages
    assert told.keys() == stopped
    assert (outage.began_at, outage.ended_at) == (deaf_from, deaf_until)
    assert {each.outage_id for each in told.values()} == {outage.id}
    grace_and_outage = MINUTE + 10 * MINUTE
    assert max(each.opened_at for each in told.values()) <= deaf_until + grace_and_outage


def test_moving_that_is_cut_in_the_middle_goes_on_and_moves_nobody_twice(
    session: Session, now: datetime, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "BATCH", 2)
    monitors = [heard(session, now) for _ in range(5)]
    ears.tick(now + 20 * SECOND)
    ears.sing(now + 10 * MINUTE)
    outages.listen(session, now + 10 * MINUTE)
    ears.move(now + 10 * MINUTE, steps=1)
    assert outages.find_unmoved(session) is not None

    ears.move(now + 10 * MINUTE)

    assert outages.find_unmoved(session) is None
    for monitor in monitors:
        session.refresh(monitor)
        assert monitor.deadline_at == now + 12 * MINUTE


def test_a_ping_between_the_end_and_the_moving_is_judged_as_after_it(
    session: Session, now: datetime, ears: Ears
) -> None:
    kinds = (SUCCESS, START, LOG)
    monitors = [heard(session, now) for _ in kinds]
    ears.tick(now + 20 * SECOND)
    ears.sing(now + 10 * MINUTE)
    outages.listen(session, now + 10 * MINUTE)
    for monitor, kind in zip(monitors, kinds, strict=True):
        ears.hear([monitor], now + 10 * MINUTE + SECOND, kind)

    ears.tick(now + 10 * MINUTE + 2 * SECOND)

    assert ears.incidents == []
    for monitor in monitors:
        session.refresh(monitor)
    assert [each.deadline_at for each in monitors] == [
        now + 12 * MINUTE + SECOND,
        now + 12 * MINUTE,
        now + 12 * MINUTE,
    ]


@pytest.mark.parametrize("kind", [SUCCESS, START, LOG, PingKind.FAIL])
def test_a_ping_that_gets_through_during_the_outage_settles_nothing(
    session: Session, now: datetime, ears: Ears, kind: PingKind
) -> None:
    monitor = heard(session, now)
    ears.tick(now + 20 * SECOND)

    ears.hear([monitor], now + 5 * MINUTE, kind)

    opened = [each.cause for each in ears.incidents]
    assert opened == (["failed"] if kind is PingKind.FAIL else [])
    session.refresh(monitor)
    if kind in (START, LOG):
        assert monitor.deadline_at == now + 2 * MINUTE


def test_with_the_detector_alone_away_what_was_late_is_late_at_once(
    session: Session, now: datetime, ears: Ears
) -> None:
    monitor, late = heard(session, now), heard(session, now)
    for second in range(5, 300, 5):
        ears.sing(now + second * SECOND)
    ears.hear([monitor], now + 4 * MINUTE, SUCCESS)

    assert ears.tick(now + 300 * SECOND).judged == 1
    assert [each.monitor_id for each in ears.incidents] == [monitor.id, late.id]
    assert {each.opened_at for each in ears.incidents} == {now + 2 * MINUTE}
    assert ears.outages == []


def test_an_outage_that_ended_before_the_detector_came_back_is_found(
    session: Session, now: datetime, ears: Ears
) -> None:
    heard(session, now)
    for second in (5, 10, 600, 605, 610):
        ears.sing(now + second * SECOND)

    judged = ears.tick(now + 611 * SECOND).judged

    [outage] = ears.outages
    assert judged == 0
    assert (outage.began_at, outage.ended_at) == (now + 10 * SECOND, now + 600 * SECOND)
    assert outage.moved_at is not None


def test_a_canary_that_never_worked_holds_nothing(session: Session, now: datetime) -> None:
    heard(session, now - 3 * MINUTE)
    outages.listen(session, now)
    outages.listen(session, now + MINUTE)

    assert hearing.deaf_since(session, now + MINUTE) is None
    assert session.scalar(select(func.count()).select_from(Outage)) == 0


def test_after_an_upgrade_the_detector_says_when_it_stopped(
    session: Session, now: datetime
) -> None:
    monitor = heard(session, now - MINUTE)
    mark_tick(session, now)

    outages.listen(session, now + 10 * MINUTE)

    [outage] = session.scalars(select(Outage)).all()
    assert (outage.cause, outage.began_at) == (OutageCause.DETECTOR, now)
    assert outage.ended_at == now + 10 * MINUTE
    moving.move(session, outage, 0, now + 10 * MINUTE)
    session.refresh(monitor)
    assert monitor.deadline_at == now + 12 * MINUTE


def test_the_canary_that_was_deleted_is_heard_as_nothing(
    session: Session, now: datetime, ears: Ears
) -> None:
    session.execute(delete(Ping))
    session.execute(delete(Monitor))
    session.execute(update(Tick).where(Tick.name == "hearing").values(place=0))

    assert ears.tick(now + 10 * MINUTE).judged == 0
    assert session.scalar(select(func.count()).select_from(Incident)) == 0
    assert hearing.deaf_since(session, now + 10 * MINUTE) is None
