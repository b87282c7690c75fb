"""What a plan allows, checked when it is used, and by two people at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.domain.monitor import Rules
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.domain.schedule import Interval
from earlywatch.models import Account, Workspace
from earlywatch.services import monitors, watching
from earlywatch.services.limits import LimitReached
from earlywatch.services.monitors import MonitorValues
from tests.builders import NOW, make_account, make_monitor, make_workspace
from tests.waiting import wait_until

WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
FREE = PLANS[PlanName.FREE].monitors or 0
Take = Callable[["House", Session], None]
VALUES = MonitorValues("one more", Rules(Interval(timedelta(hours=1)), timedelta(0)), "UTC")


def full_workspace(session: Session) -> Workspace:
    """A workspace on Free that watches all it may."""
    workspace = make_workspace(session, plan=PlanName.FREE)
    for _ in range(FREE):
        make_monitor(session, workspace)
    return workspace


def monitors_of(session: Session, workspace: Workspace) -> list[int]:
    return [each.id for each in watching.choice(session, workspace, None).monitors]


def test_the_last_place_can_be_taken_and_no_more(session: Session, now: datetime) -> None:
    workspace = full_workspace(session)
    [first, *_] = monitors_of(session, workspace)
    monitors.delete_monitor(session, workspace, first, now)
    monitors.create_monitor(session, workspace, VALUES, now)

    with pytest.raises(LimitReached) as refused:
        monitors.create_monitor(session, workspace, VALUES, now)

    used = "Your plan, Free, watches 20 monitors and 20 are watched. Pause or delete one"
    assert str(refused.value) == refused.value.words(sold=False) == f"{used}."
    assert refused.value.words(sold=True) == f"{used}, or choose a larger plan under Billing."


def test_paused_and_frozen_monitors_take_no_place(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    for status in ("paused", "frozen"):
        for _ in range(FREE):
            make_monitor(session, workspace, status=status)

    assert monitors.create_monitor(session, workspace, VALUES, now).status == "new"


def test_a_paused_monitor_is_resumed_only_where_there_is_room(
    session: Session, now: datetime
) -> None:
    workspace = full_workspace(session)
    paused = make_monitor(session, workspace, status="paused")

    with pytest.raises(LimitReached):
        monitors.resume_monitor(session, workspace, paused.id, now)
    before = paused.status
    monitors.pause_monitor(session, workspace, monitors_of(session, workspace)[0], now)
    monitors.resume_monitor(session, workspace, paused.id, now)

    assert (before, paused.status) == ("paused", "new")


def test_resuming_what_is_watched_already_is_not_refused(session: Session, now: datetime) -> None:
    workspace = full_workspace(session)
    [first, *_] = monitors_of(session, workspace)

    assert monitors.resume_monitor(session, workspace, first, now).status == "new"


def test_an_own_installation_refuses_nothing(session: Session, now: datetime) -> None:
    workspace = full_workspace(session)
    workspace.plan = PlanName.UNLIMITED.value

    assert monitors.create_monitor(session, workspace, VALUES, now).status == "new"


def test_the_largest_plan_does_not_speak_of_a_larger_one(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = full_workspace(session)
    workspace.plan = PlanName.BUSINESS.value
    business = PLANS[PlanName.BUSINESS]
    monkeypatch.setitem(PLANS, PlanName.BUSINESS, replace(business, monitors=FREE))

    with pytest.raises(LimitReached) as refused:
        monitors.create_monitor(session, workspace, VALUES, now)

    assert refused.value.words(sold=True).endswith("Pause or delete one.")


class House:
    """A workspace that every session sees, with one place left."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session:
            self.owner = make_account(session).id
            owner = session.get_one(Account, self.owner)
            workspace = make_workspace(session, owner, plan=PlanName.FREE)
            for _ in range(FREE - 1):
                make_monitor(session, workspace)
            self.workspace = workspace.id
            self.paused = make_monitor(session, workspace, status="paused").id
            session.commit()

    def add(self, session: Session) -> None:
        workspace = session.get_one(Workspace, self.workspace)
        monitors.create_monitor(session, workspace, VALUES, NOW)

    def resume(self, session: Session) -> None:
        workspace = session.get_one(Workspace, self.workspace)
        monitors.resume_monitor(session, workspace, self.paused, NOW)

    def committed(self, take: Take) -> bool:
        """Take the place in a transaction of its own; return whether it was free."""
        with Session(self.engine) as session:
            try:
                take(self, session)
            except LimitReached:
                return False
            session.commit()
            return True

    def waiters(self) -> int:
        """How many sessions wait for another one."""
        with self.engine.connect() as connection:
            return int(connection.scalar(WAITERS) or 0)


@pytest.fixture
def house(app: Flask) -> Iterator[House]:
    with app.app_context():
        engine = db.engine
    house = House(engine)
    yield house
    with Session(engine) as session:
        session.execute(delete(Workspace).where(Workspace.id == house.workspace))
        session.execute(delete(Account).where(Account.id == house.owner))
        session.commit()


@pytest.mark.parametrize("second", [House.add, House.resume])
@pytest.mark.parametrize("first", [House.add, House.resume])
def test_of_two_who_take_the_last_place_at_once_one_wins(
    house: House, first: Take, second: Take
) -> None:
    with ThreadPoolExecutor(1) as other, Session(house.engine) as session:
        first(house, session)
        late = other.submit(house.committed, second)
        wait_until(lambda: house.waiters() == 1, 10, "the second to wait for the first")
        session.commit()
        won = late.result()

    with Session(house.engine) as session:
        assert watching.count_watched(session, house.workspace) == FREE
    twice_the_same = first is second is House.resume  # then the second changes nothing
    assert won is twice_the_same
