"""How long pings are kept: the newest, and what tells how things began."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.domain.runs import Run, write_runs
from earlywatch.models import DiscardedBody, Monitor, Ping, PingSource
from earlywatch.services import retention
from earlywatch.services.retention import Limits, Place
from tests.billing_builders import make_subscription
from tests.builders import make_incident, make_monitor, make_ping, make_workspace

YEAR = timedelta(days=400)
HOUR = timedelta(hours=1)
PLANS_DECIDE = Limits(None, YEAR)


def add_pings(
    session: Session, monitor: Monitor, at: Sequence[datetime], **columns: object
) -> None:
    """Give the monitor a ping at each of these moments."""
    row = {"kind": "success", "body_cut": False, "method": "GET", "scheme": "https", **columns}
    rows = [{"monitor_id": monitor.id, "received_at": each, **row} for each in at]
    session.execute(insert(Ping), rows)


def every(period: timedelta, count: int, last: datetime) -> list[datetime]:
    """Return so many moments up to the last one."""
    return [last - period * back for back in reversed(range(count))]


def prune(session: Session, limits: Limits, now: datetime) -> int:
    """Do a whole round, as the task does; return how many pings were deleted."""
    step, deleted = retention.prune(session, limits, Place(), now), 0
    while step.place is not None:
        deleted += step.pings
        step = retention.prune(session, limits, step.place, now)
    return deleted


def left(session: Session, monitor: Monitor) -> list[datetime]:
    """Return when the pings came that are still there."""
    query = select(Ping.received_at).where(Ping.monitor_id == monitor.id).order_by(Ping.id)
    return list(session.scalars(query))


@pytest.mark.parametrize(
    ("plan", "setting", "kept"),
    [
        (PlanName.FREE, None, 100),
        (PlanName.TEAM, None, 1_000),
        (PlanName.UNLIMITED, None, 1_300),
        (PlanName.UNLIMITED, 20, 20),
        (PlanName.FREE, 20, 20),
        (PlanName.FREE, 5_000, 100),
    ],
)
def test_the_newest_stay_as_many_as_plan_and_operator_allow(
    session: Session, now: datetime, plan: PlanName, setting: int | None, kept: int
) -> None:
    monitor = make_monitor(session, make_workspace(session, plan=plan))
    at = every(timedelta(minutes=1), 1_300, now)
    add_pings(session, monitor, at)

    deleted = prune(session, Limits(setting, YEAR), now)

    assert left(session, monitor) == at[-kept:]
    assert deleted == 1_300 - kept
    assert prune(session, Limits(setting, YEAR), now) == 0


def test_what_is_old_goes_but_for_the_newest_hundred(session: Session, now: datetime) -> None:
    monitor, silent = make_monitor(session), make_monitor(session)
    at = every(timedelta(days=3), 250, now)
    add_pings(session, monitor, at)
    add_pings(session, silent, [each - YEAR for each in at])

    prune(session, PLANS_DECIDE, now)

    assert left(session, monitor) == [each for each in at if each >= now - YEAR]
    assert left(session, silent) == [each - YEAR for each in at[-100:]]


@pytest.mark.parametrize("place", [0, 600, 1_003, 1_100, 1_390, 1_450, 1_499])
def test_pings_around_the_opening_of_an_open_incident_stay(
    session: Session, now: datetime, place: int
) -> None:
    monitor = make_monitor(session, make_workspace(session, plan=PlanName.FREE))
    at = every(timedelta(seconds=50), 1_500, now)
    add_pings(session, monitor, at)
    make_incident(session, monitor, opened_at=at[place])
    make_incident(session, monitor, opened_at=at[300], resolved_at=at[310])

    prune(session, PLANS_DECIDE, now)

    around = at[max(0, place - 100) : place + 100]
    assert left(session, monitor) == sorted({*around, *at[-100:]})


def test_what_came_a_day_before_an_incident_does_not_stay_for_it(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session, make_workspace(session, plan=PlanName.FREE))
    at = every(HOUR, 300, now)
    add_pings(session, monitor, at)
    make_incident(session, monitor, opened_at=at[100])

    prune(session, PLANS_DECIDE, now)

    assert left(session, monitor) == at[76:]


def test_the_start_of_a_run_that_goes_on_stays(session: Session, now: datetime) -> None:
    rid, began = uuid4(), now - timedelta(days=3)
    runs = write_runs([Run(rid, began), Run(None, began + HOUR)])
    workspace = make_workspace(session, plan=PlanName.FREE)
    monitor = make_monitor(session, workspace, runs_json=runs)
    make_ping(session, monitor, "start", now=began - HOUR, run_id=rid)
    make_ping(session, monitor, "start", now=began, run_id=rid)
    make_ping(session, monitor, "start", now=began, run_id=uuid4())
    make_ping(session, monitor, "start", now=began + HOUR)
    make_ping(session, monitor, "log", now=began + HOUR, run_id=rid)
    at = every(timedelta(minutes=1), 100, now)
    add_pings(session, monitor, at)

    prune(session, PLANS_DECIDE, now)

    assert left(session, monitor) == [began, began + HOUR, *at]


def test_nothing_goes_while_a_paid_month_is_yet_to_be_judged(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.TEAM)
    subscription = make_subscription(session, workspace, now=now)
    monitor, other = make_monitor(session, workspace), make_monitor(session)
    for each in (monitor, other):
        add_pings(session, each, every(HOUR, 30, now))
    few = Limits(10, YEAR)
    subscription.months_due_at = now

    prune(session, few, now)
    assert (len(left(session, monitor)), len(left(session, other))) == (30, 10)

    subscription.months_due_at = now + HOUR
    prune(session, few, now)
    assert len(left(session, monitor)) == 10


def test_a_step_deletes_at_most_a_few_hundred_and_goes_on_where_it_was(
    session: Session, now: datetime
) -> None:
    crowd = [make_monitor(session, make_workspace(session)) for _ in range(3)]
    for monitor in reversed(crowd):  # so that ids do not rise from monitor to monitor
        add_pings(session, monitor, every(timedelta(minutes=1), 210, now))
    place, steps = Place(), []
    while (step := retention.prune(session, Limits(10, YEAR), place, now)).place is not None:
        steps.append(step.pings)
        place = step.place

    assert steps == [300, 300]
    assert [len(left(session, monitor)) for monitor in crowd] == [10] * 3


def test_bodies_in_the_object_store_are_discarded_with_their_pings(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, now=now - HOUR, body=b"x", body_key="old", body_bytes=5_000)
    add_pings(session, monitor, every(timedelta(minutes=1), 9, now))
    make_ping(session, monitor, now=now, body=b"x", body_key="new", body_bytes=5_000)

    prune(session, Limits(10, YEAR), now)

    assert session.scalars(select(DiscardedBody.key)).all() == ["old"]


def test_a_monitor_that_cannot_be_read_does_not_stop_the_others(
    session: Session, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_monitor(session, runs_json=[{"began": "some day"}])
    sound = make_monitor(session)
    for monitor in (broken, sound):
        add_pings(session, monitor, every(HOUR, 30, now))

    prune(session, Limits(10, YEAR), now)

    assert (len(left(session, broken)), len(left(session, sound))) == (30, 10)
    assert [record.message for record in caplog.records] == ["pings cannot be pruned"]


def test_where_pings_came_from_is_forgotten_with_the_pings(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 20)
    silent = make_monitor(session, last_ping_at=now - YEAR - HOUR)
    heard = make_monitor(session, last_ping_at=now - YEAR)
    rows = [
        {"monitor_id": each.id, "address": f"192.0.2.{number}", "agent": "", "first_seen_at": now}
        for each in (silent, heard)
        for number in range(30)
    ]
    session.execute(insert(PingSource), rows)

    more = [retention.prune_sources(session, PLANS_DECIDE, 0, heard.id, now) for _ in range(2)]

    assert more == [True, False]
    assert set(session.scalars(select(PingSource.monitor_id))) == {heard.id}


def test_a_round_remembers_its_place(session: Session, now: datetime) -> None:
    assert retention.find_place(session) == Place()

    retention.remember_place(session, Place(4711, 4712), now)
    assert retention.find_place(session) == Place(4711)

    retention.remember_place(session, None, now)
    assert retention.find_place(session) == Place()
