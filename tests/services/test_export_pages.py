"""A workspace is read in pages: all of it, with few statements, and never much at once."""

import json
from datetime import datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from earlywatch.models import Monitor, Ping, Workspace
from earlywatch.services.export_pages import BODIES, ROWS
from tests.builders import make_incident, make_monitor, make_ping, make_workspace
from tests.services.exporting import parts, read, table
from tests.statements import statements


def add_pings(session: Session, monitor: Monitor, count: int, now: datetime) -> None:
    ping = {"received_at": now, "kind": "success", "body_cut": False}
    row = {"monitor_id": monitor.id, "method": "GET", "scheme": "https", **ping}
    if count:
        session.execute(insert(Ping), [row] * count)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without anything."""
    return make_workspace(session)


def test_thousands_of_pings_take_few_statements_and_none_is_lost(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    counts = (0, 1, ROWS - 1, ROWS, 0, 2 * ROWS + 1, 5_000)
    for count in counts:
        add_pings(session, make_monitor(session, workspace), count, now)

    with statements(session) as ran:
        pings = read(session, workspace, now)["pings"]

    places = [(ping["monitor_id"], ping["id"]) for ping in pings]
    assert len(places) == sum(counts)
    assert places == sorted(set(places))
    assert len(ran) <= sum(counts) // ROWS + 2 * len(counts) + 12


def test_monitors_and_incidents_of_many_pages_are_all_there(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    for number in range(ROWS + 1):
        make_monitor(session, workspace, f"job {number}")
    busy = make_monitor(session, workspace)
    for _ in range(ROWS + 1):
        make_incident(session, busy, opened_at=now, resolved_at=now)

    with statements(session) as ran:
        file = read(session, workspace, now)

    assert len({monitor["id"] for monitor in file["monitors"]}) == ROWS + 2
    assert len({incident["id"] for incident in file["incidents"]}) == ROWS + 1
    assert len(table(session, workspace, now)) == ROWS + 2
    assert len(ran) < 40


def test_large_bodies_make_small_pages(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    monitor, size = make_monitor(session, workspace), 100_000
    for _ in range(35):
        make_ping(session, monitor, body=b"x" * size)

    written = parts(session, workspace, now)

    assert len(json.loads("".join(written))["pings"]) == 35
    assert max(map(len, written)) <= BODIES + 2 * size
