"""What stays is what the rule says, whatever happened and however the work is cut."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain import retention as rule
from earlywatch.domain.runs import Run, write_runs
from earlywatch.models import Monitor, Ping
from earlywatch.services import retention
from earlywatch.services.retention import Limits, Place
from tests.builders import make_incident, make_monitor, make_ping

RIDS = [UUID(int=number) for number in range(3)]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, str, UUID | None]]:
    """Draw pings as minutes before now, kind and run id, the oldest first."""
    minutes = draw(st.lists(st.integers(0, 120), min_size=30, max_size=80, unique=True))
    kinds = st.sampled_from(["success", "start", "fail", "log", "ignored"])
    rids = st.sampled_from([None, *RIDS])
    return [(each, draw(kinds), draw(rids)) for each in sorted(minutes, reverse=True)]


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    history=histories(),
    kept=st.none() | st.integers(10, 20),
    age=st.integers(5, 100),
    opened=st.none() | st.integers(0, 120),
    runs=st.lists(st.tuples(st.sampled_from(RIDS), st.integers(0, 120)), max_size=3),
    rows=st.integers(20, 30),
    cuts=st.lists(st.booleans(), max_size=6),
)
def test_whatever_the_steps_and_interruptions_the_rule_decides(
    session: Session,
    now: datetime,
    history: list[tuple[int, str, UUID | None]],
    kept: int | None,
    age: int,
    opened: int | None,
    runs: list[tuple[UUID, int]],
    rows: int,
    cuts: list[bool],
) -> None:
    minute = timedelta(minutes=1)
    opened_at = None if opened is None else now - opened * minute
    open_runs = tuple(Run(rid, now - began * minute) for rid, began in runs)
    limits = Limits(kept, age * minute)
    with session.begin_nested() as outer, pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "AT_ONCE", rows)
        patch.setattr(rule, "ALWAYS", 8)
        patch.setattr(retention, "ALWAYS", 8)
        patch.setattr(rule, "AROUND", 5)
        patch.setattr(rule, "LEAD", 30 * minute)
        monitor = make_monitor(session, runs_json=write_runs(open_runs))
        for minutes, kind, rid in history:
            make_ping(session, monitor, kind, now=now - minutes * minute, run_id=rid)
        if opened_at:
            make_incident(session, monitor, opened_at=opened_at)
        before = pings_of(session, monitor)

        work(session, limits, now, cuts)

        wanted = expected(before, kept, now - age * minute, opened_at, open_runs)
        assert [ping.id for ping in pings_of(session, monitor)] == wanted
        outer.rollback()


def work(session: Session, limits: Limits, now: datetime, cuts: list[bool]) -> None:
    """Prune to the end. After some steps the process dies: its work is undone, it begins anew."""
    place: Place | None = Place()
    died = iter(cuts)
    while place is not None:
        with session.begin_nested() as savepoint:
            place = retention.prune(session, limits, place, now).place
            if next(died, False):
                savepoint.rollback()
                place = Place()


def pings_of(session: Session, monitor: Monitor) -> list[rule.Heard]:
    """Return what there is, the oldest first."""
    columns = select(Ping.id, Ping.received_at, Ping.kind, Ping.run_id)
    query = columns.where(Ping.monitor_id == monitor.id).order_by(Ping.id)
    return [rule.Heard(*row) for row in session.execute(query)]


def expected(
    pings: list[rule.Heard],
    kept: int | None,
    aged_at: datetime,
    opened_at: datetime | None,
    runs: tuple[Run, ...],
) -> list[int]:
    """Say the rule another way: return the ids of what stays."""
    stay = set()
    if opened_at is not None:
        before = [ping for ping in pings if ping.received_at < opened_at]
        if (later := [ping for ping in pings if ping.received_at >= opened_at]) or before:
            near = [*before[-5:], *later[:5]]
            stay |= {ping.id for ping in near if ping.received_at >= opened_at - rule.LEAD}
    for run in runs:
        mine = [ping for ping in pings if ping.kind == "start" and ping.run_id == run.id]
        stay |= {ping.id for ping in mine if ping.received_at == run.started_at}
    counted = {ping.id for ping in (pings if kept is None else pings[-kept:])}
    young = {ping.id for ping in pings if ping.received_at >= aged_at}
    young |= {ping.id for ping in pings[-8:]}
    return [ping.id for ping in pings if ping.id in stay | (counted & young)]
