"""Why it fired: what is written down when an incident opens, and what its page knows."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.differences import Line
from earlywatch.domain.monitor import Cause
from earlywatch.domain.schedule import Cron
from earlywatch.models import Incident, Monitor, Workspace
from earlywatch.services import explaining, incidents
from earlywatch.services.incidents import Opening
from earlywatch.services.monitor_lists import Outcome
from earlywatch.services.why import find_why
from tests.builders import (
    NOW,
    make_channel,
    make_incident,
    make_monitor,
    make_ping,
    make_workspace,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def monitor(session: Session, workspace: Workspace) -> Monitor:
    channel = make_channel(session, workspace)
    return make_monitor(session, workspace, channels=[channel], status="failed")


def open_at(
    session: Session, monitor: Monitor, at: datetime, cause: Cause = Cause.FAILED
) -> Incident:
    incidents.open_all(session, [Opening(monitor.id, cause, at, None, None)], at)
    query = select(Incident).where(Incident.monitor_id == monitor.id)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def explained(incident: Incident) -> dict[str, object]:
    assert incident.explained is not None
    return incident.explained


def test_the_end_of_the_output_is_kept_on_one_line(session: Session, monitor: Monitor) -> None:
    body = b"line\n" * 50 + b"copying\ndisk full\n\n"
    make_ping(session, monitor, "fail", body=body, message="backup of db1")

    said = explained(open_at(session, monitor, NOW))

    assert said["output"] == "backup of db1 / line / line / line / copying / disk full"


def test_what_stopped_at_about_the_same_time_is_named(
    session: Session, workspace: Workspace, monitor: Monitor
) -> None:
    for number in range(12):
        other = make_monitor(session, workspace, f"job {number:02}", status="late")
        make_incident(session, other, opened_at=NOW - timedelta(seconds=number))
    make_incident(session, make_monitor(session, workspace, "long ago"), opened_at=NOW - HOUR)
    make_incident(session, make_monitor(session, name="of others"), opened_at=NOW)

    said = explained(open_at(session, monitor, NOW))["also"]

    assert isinstance(said, list)
    assert said[0] == "job 11"
    assert said[-1] == "and 2 more"
    assert not {"long ago", "of others", monitor.name} & set(said)


def test_a_job_that_runs_on_utc_is_found_out(session: Session, workspace: Workspace) -> None:
    schedule = Cron("0 2 * * *", "Europe/Berlin")
    monitor = make_monitor(session, workspace, schedule=schedule, status="late")
    for days in range(4, 0, -1):
        make_ping(session, monitor, now=datetime.fromisoformat("2026-11-20T02:00Z") - days * DAY)

    deadline = datetime.fromisoformat("2026-11-20T01:20Z")

    hint = explained(open_at(session, monitor, deadline, Cause.MISSED))["hint"]
    assert hint == (
        "Its last pings came 1 h after the scheduled time: is the server's clock on UTC, and the"
        " schedule on Europe/Berlin?"
    )


def test_the_page_compares_the_output_with_the_last_good_run(
    session: Session, monitor: Monitor
) -> None:
    good = make_ping(session, monitor, body=b"copied 12 files\nall good\n", now=NOW - DAY)
    make_ping(session, monitor, "log", now=NOW - HOUR)
    bad = make_ping(session, monitor, "fail", body=b"copied 7 files\nno space\n", now=NOW)
    make_ping(session, monitor, body=b"later", now=NOW + HOUR)

    why = find_why(session, open_at(session, monitor, NOW))

    assert (why.last, why.good) == (bad, good)
    assert why.difference == (
        Line(" ", "copied 7 files"),
        Line("-", "all good"),
        Line("+", "no space"),
    )
    assert [run.outcome for run in why.runs] == [Outcome.SUCCESS, Outcome.FAILED]


def test_runs_that_did_not_come_are_among_the_last_ten(session: Session, monitor: Monitor) -> None:
    for hours in range(14, 0, -1):
        make_ping(session, monitor, now=NOW - hours * HOUR)
    incident = open_at(session, monitor, NOW, Cause.MISSED)

    runs = find_why(session, incident).runs

    assert len(runs) == 10
    assert [run.outcome for run in runs[-2:]] == [Outcome.SUCCESS, Outcome.MISSED]


def test_a_monitor_that_was_never_heard_from_can_be_explained_too(
    session: Session, monitor: Monitor
) -> None:
    incident = open_at(session, monitor, NOW, Cause.MISSED)

    assert explained(incident) == {"output": "", "hint": "", "also": []}
    assert find_why(session, incident).last is None


def test_successes_are_not_looked_for_in_the_whole_log(session: Session, monitor: Monitor) -> None:
    for kind in ("success", "success", "log", "log", "success", "log"):
        make_ping(session, monitor, kind, now=NOW - HOUR)
    incident = make_incident(session, monitor)
    values = {"ids": [incident.id], "read": 1, "most_pings": 3}

    row = session.execute(explaining.FACTS, values).one()

    assert len(row.moments) == 1
