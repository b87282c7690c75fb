"""Changes of a monitor become incidents and deliveries in the same transaction."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.monitor import Cause, PingKind, Status, on_pause, on_ping
from earlywatch.models import Channel, Delivery, Incident, Monitor
from earlywatch.services import incidents
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)

SECOND = timedelta(seconds=1)


def watched(session: Session, now: datetime, **columns: Any) -> tuple[Monitor, Channel]:
    """An up monitor with one working channel."""
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    up: dict[str, Any] = {
        "status": "up",
        "last_ping_at": now,
        "last_success_at": now,
        "expected_at": now + 10 * SECOND,
        "deadline_at": now + 12 * SECOND,
    }
    return make_monitor(session, workspace, channels=[channel], **{**up, **columns}), channel


def ping(
    session: Session,
    monitor: Monitor,
    kind: PingKind,
    now: datetime,
    exit_status: int | None = None,
) -> int:
    """Apply a ping as the ping path does."""
    changes = on_ping(monitor.state, monitor.rules, kind, now)
    return incidents.apply(session, monitor, changes, now, exit_status)


def told(session: Session) -> list[tuple[str, int]]:
    """Return alert and channel of each delivery, in order."""
    rows = session.execute(select(Delivery.alert, Delivery.channel_id).order_by(Delivery.id))
    return [(row.alert, row.channel_id) for row in rows]


def test_a_failure_opens_an_incident_with_its_exit_status(session: Session, now: datetime) -> None:
    monitor, channel = watched(session, now)

    made = ping(session, monitor, PingKind.FAIL, now + SECOND, exit_status=3)

    incident = session.scalars(select(Incident)).one()
    assert made == 1
    assert (incident.cause, incident.exit_status) == (Cause.FAILED, 3)
    assert incident.opened_at == incident.last_ping_at == now + SECOND
    assert told(session) == [(AlertKind.OPENED, channel.id)]
    assert monitor.status == Status.FAILED


def test_a_second_failure_keeps_the_incident_open_and_tells_nobody_again(
    session: Session, now: datetime
) -> None:
    monitor, _ = watched(session, now)

    ping(session, monitor, PingKind.FAIL, now + SECOND)
    made = ping(session, monitor, PingKind.FAIL, now + 2 * SECOND)

    assert made == 0
    assert session.scalars(select(Incident)).one().resolved_at is None


def test_a_success_after_an_unnoticed_deadline_leaves_a_whole_incident(
    session: Session, now: datetime
) -> None:
    monitor, channel = watched(session, now)

    ping(session, monitor, PingKind.SUCCESS, now + 60 * SECOND)

    incident = session.scalars(select(Incident)).one()
    assert incident.opened_at == now + 12 * SECOND
    assert incident.resolved_at == now + 60 * SECOND
    assert told(session) == [(AlertKind.OPENED, channel.id), (AlertKind.RESOLVED, channel.id)]


def test_only_who_was_told_of_the_trouble_is_told_of_its_end(
    session: Session, now: datetime
) -> None:
    monitor, channel = watched(session, now)
    ping(session, monitor, PingKind.FAIL, now + SECOND)
    newcomer = make_channel(session)
    session.execute(
        text("INSERT INTO monitor_channel VALUES (:monitor, :channel)"),
        {"monitor": monitor.id, "channel": newcomer.id},
    )

    ping(session, monitor, PingKind.SUCCESS, now + 2 * SECOND)

    assert told(session) == [(AlertKind.OPENED, channel.id), (AlertKind.RESOLVED, channel.id)]


def test_pausing_ends_the_incident_and_tells_nobody(session: Session, now: datetime) -> None:
    monitor, channel = watched(session, now)
    ping(session, monitor, PingKind.FAIL, now + SECOND)

    changes = on_pause(monitor.state, monitor.rules.grace, now + 2 * SECOND)
    incidents.apply(session, monitor, changes, now + 2 * SECOND)

    assert session.scalars(select(Incident)).one().resolved_at == now + 2 * SECOND
    assert told(session) == [(AlertKind.OPENED, channel.id)]


@pytest.mark.parametrize("digest_every", [None, timedelta(hours=1)])
def test_pausing_calls_off_what_nobody_was_told_yet(
    session: Session, now: datetime, digest_every: timedelta | None
) -> None:
    monitor, channel = watched(session, now)
    channel.digest_every = digest_every
    session.flush()
    ping(session, monitor, PingKind.FAIL, now + SECOND)

    changes = on_pause(monitor.state, monitor.grace, now + 2 * SECOND)
    incidents.apply(session, monitor, changes, now + 2 * SECOND)

    assert session.scalars(select(Delivery.state)).all() == ["failed"]


def premature(session: Session, now: datetime, attempts: int) -> Monitor:
    """A monitor that was found late at `now` + 5 s, with one delivery."""
    monitor, channel = watched(session, now, status="late", deadline_at=None)
    incident = make_incident(session, monitor, opened_at=now + 5 * SECOND)
    make_delivery(session, channel, incident, attempts=attempts)
    return monitor


def test_a_ping_that_came_in_time_takes_back_an_incident_nobody_was_told_of(
    session: Session, now: datetime
) -> None:
    monitor = premature(session, now, attempts=0)

    ping(session, monitor, PingKind.SUCCESS, now + 4 * SECOND)

    assert monitor.status == Status.UP
    assert session.scalars(select(Incident)).all() == []
    assert session.scalars(select(Delivery)).all() == []


def test_a_false_alarm_that_was_told_ends_where_it_began_and_says_so(
    session: Session, now: datetime
) -> None:
    monitor = premature(session, now, attempts=1)

    ping(session, monitor, PingKind.SUCCESS, now + 4 * SECOND)

    incident = session.scalars(select(Incident)).one()
    assert incident.resolved_at == incident.opened_at
    assert [alert for alert, _ in told(session)] == [AlertKind.OPENED, AlertKind.RESOLVED]


def test_the_database_promises_one_open_incident_per_monitor(
    session: Session, now: datetime
) -> None:
    monitor, _ = watched(session, now)
    make_incident(session, monitor)

    with pytest.raises(IntegrityError, match="uq_incident_open"):
        make_incident(session, monitor)


def test_the_database_refuses_an_up_monitor_without_a_deadline(session: Session) -> None:
    with pytest.raises(IntegrityError, match="ck_monitor_up_has_deadline"):
        make_monitor(session, status="up")
