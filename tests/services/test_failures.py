"""Nobody is told before there are enough failures, and everybody is once there are."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind, on_deadline
from earlywatch.domain.schedule import Interval
from earlywatch.models import Delivery, Incident, Monitor, Outage
from earlywatch.models.incident import Held
from earlywatch.services import incidents, pings, telling
from earlywatch.services.incoming import Outcome
from tests.builders import make_channel, make_monitor, make_workspace
from tests.services.pinging import ping

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def hourly(session: Session, now: datetime, **columns: Any) -> Monitor:
    """An up monitor that should ping every hour, with a minute's grace, and one channel."""
    workspace = make_workspace(session)
    up = {
        "status": "up",
        "last_ping_at": now,
        "last_success_at": now,
        "expected_at": now + HOUR,
        "deadline_at": now + HOUR + MINUTE,
    }
    channel = make_channel(session, workspace)
    return make_monitor(
        session,
        workspace,
        schedule=Interval(HOUR),
        grace=MINUTE,
        channels=[channel],
        **{**up, **columns},
    )


def send(session: Session, monitor: Monitor, kinds: str, at: datetime) -> None:
    """Let pings come a minute apart: S, F, L or I; the tick looks after each."""
    named = {"S": PingKind.SUCCESS, "F": PingKind.FAIL, "L": PingKind.LOG, "I": PingKind.IGNORED}
    for n, letter in enumerate(kinds):
        moment = at + n * MINUTE
        [outcome] = pings.record(session, [ping(monitor, named[letter], moment)], moment)
        assert outcome is Outcome.RECORDED
        session.expire_all()
        telling.tell_due(session, moment)


def fall_silent(session: Session, monitor: Monitor, now: datetime) -> None:
    change = on_deadline(monitor.state, monitor.grace, now)
    assert change
    incidents.apply(session, monitor, [change], now)


def incident_of(session: Session) -> Incident:
    query = select(Incident).order_by(Incident.id.desc()).limit(1)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def alerts(session: Session) -> list[str]:
    return list(session.scalars(select(Delivery.alert).order_by(Delivery.id)))


def test_the_third_failure_in_a_row_is_told(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=3)

    send(session, monitor, "FF", now)
    before = alerts(session), incident_of(session).held
    send(session, monitor, "F", now + 2 * MINUTE)

    assert before == ([], Held.FAILURES)
    assert alerts(session) == ["opened"]
    assert incident_of(session).failures == 3


def test_what_ends_before_there_are_enough_is_never_told(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2)

    send(session, monitor, "FSFSFS", now)

    assert alerts(session) == []
    assert len(session.scalars(select(Incident)).all()) == 3


def test_failures_are_not_in_a_row_with_a_success_between(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=3, successes_needed=3)

    send(session, monitor, "FFSFF", now)
    before = alerts(session)
    send(session, monitor, "F", now + 5 * MINUTE)

    assert before == []
    assert alerts(session) == ["opened"]


def test_silence_counts_each_time_a_success_should_have_come(
    session: Session, now: datetime
) -> None:
    monitor = hourly(session, now, failures_needed=3)
    first = now + HOUR + MINUTE

    fall_silent(session, monitor, first)
    until = incident_of(session).next_step_at
    telling.tell_due(session, first + 2 * HOUR - MINUTE)
    before = alerts(session)
    telling.tell_due(session, first + 2 * HOUR)

    assert until == first + 2 * HOUR
    assert before == []
    assert alerts(session) == ["opened"]


def test_after_a_failure_silence_is_the_next_one(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2)

    send(session, monitor, "F", now + 10 * MINUTE)

    assert incident_of(session).next_step_at == now + 10 * MINUTE + HOUR + MINUTE


def test_two_of_five_runs_are_counted_across_successes(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2, failures_of=5)

    send(session, monitor, "SFSLI", now)
    before = alerts(session)
    send(session, monitor, "F", now + 5 * MINUTE)

    assert before == []
    assert alerts(session) == ["opened"]


def test_two_of_three_runs_forget_what_is_longer_ago(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2, failures_of=3)

    send(session, monitor, "SFSSF", now)

    assert alerts(session) == []
    assert incident_of(session).held == Held.FAILURES


def test_pings_that_come_at_once_are_all_counted(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2, failures_of=4)

    kinds = [PingKind.FAIL, PingKind.SUCCESS, PingKind.FAIL]
    at_once = [ping(monitor, kind, now + n * timedelta(seconds=1)) for n, kind in enumerate(kinds)]
    pings.record(session, at_once, now + MINUTE)
    session.expire_all()
    telling.tell_due(session, now + MINUTE)

    assert alerts(session) == ["opened"]


def test_what_we_could_not_hear_is_no_failure(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2)
    first = now + HOUR + MINUTE
    away = first + 50 * MINUTE
    session.add(
        Outage(
            cause="intake", began_at=away, noticed_at=away, ended_at=away + 20 * MINUTE,
            moved_at=away,
        )
    )  # fmt: skip

    fall_silent(session, monitor, first)

    assert incident_of(session).next_step_at == first + 2 * HOUR


def test_a_schedule_that_cannot_be_read_holds_nothing_back(session: Session, now: datetime) -> None:
    monitor = hourly(session, now, failures_needed=2)
    monitor.schedule_kind, monitor.period, monitor.expression = "cron", None, "not a line"
    session.flush()

    fall_silent(session, monitor, now + HOUR + MINUTE)

    assert alerts(session) == ["opened"]


@pytest.mark.parametrize("needed", [1, 2])
def test_a_reminder_comes_no_sooner_for_a_further_failure(
    session: Session, now: datetime, needed: int
) -> None:
    monitor = hourly(session, now, failures_needed=needed)

    send(session, monitor, "FFFF", now)

    assert alerts(session) == ["opened"]


def test_a_success_that_is_not_the_last_needed_leaves_the_trouble_open(
    session: Session, now: datetime
) -> None:
    monitor = hourly(session, now, successes_needed=3)

    send(session, monitor, "FSS", now)
    session.refresh(monitor)
    before = monitor.status, monitor.recovering, incident_of(session).resolved_at
    send(session, monitor, "S", now + 3 * MINUTE)
    session.refresh(monitor)

    assert before == ("failed", 2, None)
    assert (monitor.status, monitor.recovering) == ("up", 0)
    assert incident_of(session).resolved_at == now + 3 * MINUTE
    assert alerts(session) == ["opened", "resolved"]
