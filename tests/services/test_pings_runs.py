"""Runs and numbers: what a ping tells of its own run, and how long that took."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.runs import Progress
from earlywatch.services.pings import record
from tests.builders import make_monitor
from tests.services.pinging import ping, stored

SUCCESS, START, FAIL, LOG = PingKind.SUCCESS, PingKind.START, PingKind.FAIL, PingKind.LOG
SECOND = timedelta(seconds=1)
ONE, TWO = (UUID(int=number) for number in (1, 2))


def test_each_of_overlapping_runs_knows_how_long_it_took(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    record(session, [ping(monitor, START, now, run_id=ONE)], now)
    told = [(START, 2, TWO), (SUCCESS, 5, ONE), (SUCCESS, 9, TWO)]

    record(session, [ping(monitor, k, now + n * SECOND, run_id=run) for k, n, run in told], now)

    durations = [kept.duration for kept in stored(session, monitor)]
    assert durations == [None, None, 5 * SECOND, 7 * SECOND]
    session.refresh(monitor)
    assert monitor.runs_json is None


def test_an_open_run_is_kept_with_how_far_it_is(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    first = ping(monitor, START, now, run_id=ONE, progress=Progress(0, 1200))
    later = ping(monitor, LOG, now + SECOND, run_id=ONE, progress=Progress(340.5))

    record(session, [first], now)
    record(session, [later], now + SECOND)

    session.refresh(monitor)
    [run] = monitor.runs
    assert (run.id, run.started_at, run.moved_at) == (ONE, now, now + SECOND)
    assert run.progress == Progress(340.5, 1200)
    assert [(kept.done, kept.total) for kept in stored(session, monitor)] == [
        (0, 1200),
        (340.5, None),
    ]


def test_numbers_are_kept_as_they_were_told(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)

    record(session, [ping(monitor, LOG, now, metrics={"rows": 1200.0, "größe": 0.5})], now)

    [kept] = stored(session, monitor)
    assert kept.metrics == {"rows": 1200, "größe": 0.5}
    assert kept.duration is None


@pytest.mark.parametrize("kind", [SUCCESS, FAIL])
def test_a_job_may_say_itself_how_long_it_took(
    session: Session, now: datetime, kind: PingKind
) -> None:
    monitor = make_monitor(session)

    record(session, [ping(monitor, kind, now, metrics={"duration": 93.25})], now)

    [kept] = stored(session, monitor)
    assert kept.duration == timedelta(seconds=93.25)


def test_a_start_that_was_seen_is_believed_more_than_the_job(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    end = ping(monitor, SUCCESS, now + SECOND, metrics={"duration": 93.25})

    record(session, [ping(monitor, START, now), end], now)

    assert stored(session, monitor)[-1].duration == SECOND


def test_a_duration_that_makes_no_sense_is_a_number_like_others(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)

    record(session, [ping(monitor, SUCCESS, now, metrics={"duration": 4e9})], now)

    [kept] = stored(session, monitor)
    assert (kept.duration, kept.metrics) == (None, {"duration": 4e9})
