"""Pings that cost much: so many in a batch, then the others, in the order of each monitor."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.models import Incident, Monitor, Ping
from earlywatch.services.incoming import ByName, IncomingPing, Outcome
from earlywatch.services.ping_names import MOST_COSTLY
from earlywatch.services.pings import record
from tests.builders import make_monitor, make_workspace
from tests.services.pinging import DAILY, ping, stored

SUCCESS, FAIL, LOG = PingKind.SUCCESS, PingKind.FAIL, PingKind.LOG
MANY = 2 * MOST_COSTLY + 20

Told = Sequence[object]


@pytest.fixture
def monitors(session: Session) -> list[Monitor]:
    """More monitors than a batch may open incidents of."""
    workspace = make_workspace(session)
    return [make_monitor(session, workspace) for _ in range(MANY)]


def again(pings: Sequence[IncomingPing], told: Told) -> list[IncomingPing]:
    """The pings that were postponed."""
    both = zip(pings, told, strict=True)
    return [each for each, outcome in both if outcome is Outcome.POSTPONED]


def in_batches(session: Session, pings: Sequence[IncomingPing], now: datetime) -> list[Told]:
    """Record pings until none is postponed; return what each batch was told."""
    batches: list[Told] = []
    while pings:
        batches.append(record(session, pings, now))
        pings = again(pings, batches[-1])
    return batches


def test_a_batch_takes_fifty_failures_and_the_next_ones_the_others(
    session: Session, now: datetime, monitors: list[Monitor]
) -> None:
    pings = [ping(monitor, FAIL, now) for monitor in monitors]

    first, *rest = in_batches(session, pings, now)

    assert first == [Outcome.RECORDED] * 50 + [Outcome.POSTPONED] * 70
    assert [Counter(told)[Outcome.RECORDED] for told in rest] == [50, 20]
    for model in (Incident, Ping):
        assert session.scalar(select(func.count()).select_from(model)) == MANY


def test_the_end_of_incidents_is_costly_too(
    session: Session, now: datetime, monitors: list[Monitor]
) -> None:
    in_batches(session, [ping(monitor, FAIL, now) for monitor in monitors], now)

    told = in_batches(session, [ping(monitor, SUCCESS, now) for monitor in monitors], now)

    assert [Counter(each)[Outcome.RECORDED] for each in told] == [50, 50, 20]
    assert set(session.scalars(select(Incident.resolved_at))) == {now}


def test_later_pings_of_a_postponed_monitor_wait_and_usual_ones_do_not(
    session: Session, now: datetime, monitors: list[Monitor]
) -> None:
    *failing, usual = monitors[: MOST_COSTLY + 2]
    last = failing[-1]
    pings = [ping(monitor, FAIL, now) for monitor in failing]
    pings += [ping(last, LOG, now), ping(usual, SUCCESS, now), ping(last, SUCCESS, now)]

    first, second = in_batches(session, pings, now)

    waits = Outcome.POSTPONED
    assert first[MOST_COSTLY:] == [waits, waits, Outcome.RECORDED, waits]
    assert second == [Outcome.RECORDED] * 3
    assert [kept.kind for kept in stored(session, last)] == ["fail", "log", "success"]


def test_the_end_of_pauses_is_costly_and_counts_once(
    session: Session, now: datetime, monitors: list[Monitor]
) -> None:
    session.execute(update(Monitor).values(sticky_pause=False, status="paused"))

    told = in_batches(session, [ping(monitor, FAIL, now) for monitor in monitors], now)

    assert [Counter(each)[Outcome.RECORDED] for each in told] == [50, 50, 20]
    assert set(session.scalars(select(Monitor.status))) == {"failed"}


def test_a_batch_makes_fifty_monitors_and_the_next_ones_the_others(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    names = [ByName(workspace.ping_key, f"job-{n}") for n in range(MOST_COSTLY + 10)]
    pings = [ping(name, SUCCESS, now, wish=DAILY) for name in names]
    pings.append(ping(names[-1], LOG, now))

    first, second = in_batches(session, pings, now)

    assert first == [Outcome.CREATED] * 50 + [Outcome.POSTPONED] * 11
    assert second == [Outcome.CREATED] * 10 + [Outcome.RECORDED]
