"""What a failed job said, found in its log when people are told of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause, PingKind
from earlywatch.models import Incident, Monitor
from earlywatch.services import clocks, pings
from earlywatch.services.detection import mark_tick
from earlywatch.services.links import Links
from tests.builders import make_delivery, make_incident, make_monitor, make_ping
from tests.services.folds import open_one
from tests.services.pinging import ping
from tests.services.sending import compose
from tests.services.test_ping_log_among_many import Plans, rows_read

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(milliseconds=3)
MANY = 5_000
FILL = text("""
    INSERT INTO ping (monitor_id, received_at, kind, message, body_cut, method, scheme)
    SELECT :monitor_id, CAST(:start AS timestamptz) + n * interval '10 seconds',
        CASE WHEN n % 9 = 0 THEN 'log' ELSE 'fail' END, 'n ' || n, false, 'GET', 'https'
    FROM generate_series(1, :many) AS n
""")


@pytest.fixture
def monitor(session: Session, now: datetime) -> Monitor:
    """A monitor that failed never before and was heard just now."""
    times: dict[str, Any] = {"last_ping_at": now, "last_success_at": now}
    late: dict[str, Any] = {"expected_at": now + HOUR, "deadline_at": now + 2 * HOUR}
    monitor = make_monitor(session, status="up", **times, **late)
    make_ping(session, monitor, now=now)
    return monitor


def output(session: Session, incident: Incident, links: Links, now: datetime) -> str:
    delivery = make_delivery(session, incident=incident)
    trouble = compose(session, delivery.id, links, now).alert.trouble
    assert trouble is not None
    return trouble.output


def fail(session: Session, monitor: Monitor, at: datetime, said: str) -> Incident:
    failed = replace(ping(monitor, PingKind.FAIL, at), body=said.encode())
    pings.record(session, [failed], at)
    session.expire_all()
    return open_one(session, monitor)


def test_a_failure_that_was_received_just_before_the_newest_ping_is_found(
    session: Session, monitor: Monitor, links: Links, now: datetime
) -> None:
    incident = fail(session, monitor, now - A_MOMENT, "disk full")

    assert incident.opened_at == now
    assert output(session, incident, links, now) == "disk full"


def test_a_failure_is_found_after_the_clock_was_set_back(
    session: Session, monitor: Monitor, links: Links, now: datetime
) -> None:
    make_ping(session, monitor, "fail", body=b"of old", now=now - HOUR)
    incident = fail(session, monitor, now + A_MOMENT, "disk full")
    mark_tick(session, now)

    assert clocks.finish(session, HOUR, now - HOUR)
    session.refresh(incident)

    assert incident.opened_at == now + A_MOMENT - HOUR
    assert output(session, incident, links, now) == "disk full"


def test_what_another_failure_said_is_not_told(
    session: Session, monitor: Monitor, links: Links, now: datetime
) -> None:
    make_ping(session, monitor, "fail", body=b"of old", now=now - HOUR)
    make_ping(session, monitor, "fail", body=b"of today", now=now + HOUR)
    incident = make_incident(session, monitor, Cause.FAILED, opened_at=now)

    assert output(session, incident, links, now) == ""


@pytest.mark.parametrize("later", [A_MOMENT, -A_MOMENT], ids=["in order", "out of order"])
def test_a_failure_among_many_is_found_by_few_steps(
    session: Session, monitor: Monitor, links: Links, now: datetime, later: timedelta
) -> None:
    start = now - MANY // 2 * timedelta(seconds=10)
    session.execute(FILL, {"monitor_id": monitor.id, "start": start, "many": MANY // 2 - 9})
    make_ping(session, monitor, now=now)
    incident = fail(session, monitor, now + later, "disk full")
    session.execute(FILL, {"monitor_id": monitor.id, "start": now, "many": MANY // 2})
    session.execute(text("ANALYZE ping"))
    delivery = make_delivery(session, incident=incident)
    with Plans(session) as plans:
        alert = compose(session, delivery.id, links, now).alert

    assert alert.trouble is not None
    assert alert.trouble.output == "disk full"
    nodes = [node for node in plans.nodes() if "ping" in node.get("Relation Name", "")]
    assert {node["Node Type"] for node in nodes} == {"Index Scan", "Index Only Scan"}
    assert max(map(rows_read, nodes)) <= 60
