"""The canary: one at a time, stored like any ping, and never judged, shown or counted."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind, Status
from earlywatch.models import Incident, Member, Monitor
from earlywatch.services import canary, pings
from earlywatch.services.detection import detect
from tests.services.pinging import ping, stored

SECOND = timedelta(seconds=1)


def test_it_is_made_once_in_a_workspace_without_members(session: Session, now: datetime) -> None:
    first = canary.take_turn(session, now)
    second = canary.take_turn(session, now + canary.EVERY)

    [monitor] = session.scalars(select(Monitor)).all()
    assert first == second == monitor.ping_key
    assert canary.find_workspace(session) == monitor.workspace_id
    assert session.scalar(select(func.count()).select_from(Member)) == 0


def test_only_one_sends_it_at_a_time(session: Session, now: datetime) -> None:
    canary.take_turn(session, now)

    assert canary.take_turn(session, now + SECOND) is None
    assert canary.take_turn(session, now + 5 * SECOND, wait=10 * SECOND) is None
    assert canary.take_turn(session, now + 10 * SECOND, wait=10 * SECOND) is not None


def test_a_turn_that_lies_ahead_is_of_a_clock_that_was_set_back(
    session: Session, now: datetime
) -> None:
    canary.take_turn(session, now)

    assert canary.take_turn(session, now - timedelta(minutes=10)) is not None


def test_one_that_was_deleted_is_made_anew(session: Session, now: datetime) -> None:
    first = canary.take_turn(session, now)
    session.delete(session.scalars(select(Monitor)).one())
    session.flush()

    second = canary.take_turn(session, now + canary.EVERY)

    assert second is not None
    assert second != first


def test_it_is_stored_and_never_judged(session: Session, now: datetime) -> None:
    key = canary.take_turn(session, now)
    assert key is not None
    pings.record(session, [ping(key, PingKind.LOG, now)], now)
    monitor = session.scalars(select(Monitor)).one()

    detect(session, now + timedelta(days=30))

    assert len(stored(session, monitor)) == 1
    session.refresh(monitor)
    assert (monitor.status, monitor.deadline_at) == (Status.NEW, None)
    assert session.scalar(select(func.count()).select_from(Incident)) == 0
