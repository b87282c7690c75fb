"""The list of monitors: its order, its filters, its counts, its strips."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause, Status
from earlywatch.models import Monitor, Workspace
from earlywatch.services import monitor_lists
from earlywatch.services.monitor_lists import PER_PAGE, RUNS_SHOWN, Outcome, Wanted
from tests.builders import make_incident, make_monitor, make_ping, make_workspace
from tests.statements import statements

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def up(
    session: Session, workspace: Workspace, name: str, now: datetime, due: bool = False
) -> Monitor:
    return make_monitor(
        session,
        workspace,
        name,
        status="up",
        expected_at=now - SECOND if due else now + HOUR,
        deadline_at=now + 2 * HOUR,
    )


def names(session: Session, workspace: Workspace, now: datetime, **wanted: object) -> list[str]:
    listing = monitor_lists.list_monitors(session, workspace, Wanted(**wanted), now)  # type: ignore[arg-type]
    return [row.monitor.name for row in listing.rows]


@pytest.fixture
def workspace(session: Session, now: datetime) -> Workspace:
    """One monitor in each status."""
    workspace = make_workspace(session)
    up(session, workspace, "zebra", now)
    up(session, workspace, "Ant", now)
    up(session, workspace, "mule", now, due=True)
    make_monitor(session, workspace, "wolf", status="late", tags=["db", "prod"])
    make_monitor(session, workspace, "fox", status="failed")
    make_monitor(session, workspace, "bear", status="paused", tags=["db"])
    make_monitor(session, workspace, "cub")
    make_monitor(session, make_workspace(session), "of strangers", status="late", tags=["secret"])
    return workspace


def test_trouble_comes_first_then_what_is_due_then_the_rest_by_name(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    expected = ["fox", "wolf", "mule", "Ant", "bear", "cub", "zebra"]

    assert names(session, workspace, now) == expected


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"words": "OL"}, ["wolf"]),
        ({"words": "bea db"}, ["bear"]),
        ({"words": "%"}, []),
        ({"tag": "db"}, ["wolf", "bear"]),
        ({"tag": "d"}, []),
        ({"status": "trouble"}, ["fox", "wolf"]),
        ({"status": "up"}, ["Ant", "zebra"]),
        ({"status": "due"}, ["mule"]),
        ({"status": "paused", "tag": "db"}, ["bear"]),
        ({"words": "secret"}, []),
    ],
)
def test_the_list_is_narrowed_by_words_tag_and_status(
    session: Session,
    workspace: Workspace,
    now: datetime,
    wanted: dict[str, object],
    found: list[str],
) -> None:
    assert names(session, workspace, now, **wanted) == found


def test_counts_are_by_the_status_that_is_shown(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    counts = monitor_lists.count_monitors(session, workspace, now)

    assert counts.of() == 7
    assert counts.trouble == 2
    assert counts.of(Status.UP) == 2
    assert counts.of(Status.DUE) == 1


def test_only_tags_of_the_workspace_are_offered(session: Session, workspace: Workspace) -> None:
    assert monitor_lists.list_tags(session, workspace) == ["db", "prod"]


def test_a_row_tells_since_when_there_is_trouble(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, status="late")
    workspace = session.get_one(Workspace, monitor.workspace_id)
    make_incident(session, monitor, opened_at=now - 2 * HOUR, resolved_at=now - HOUR)
    make_incident(session, monitor, opened_at=now - MINUTE)

    [row] = monitor_lists.list_monitors(session, workspace, Wanted(), now).rows

    assert row.since == now - MINUTE


def test_a_page_beyond_the_last_one_is_the_last_one(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    for number in range(PER_PAGE + 1):
        make_monitor(session, workspace, f"monitor {number:03}")

    first = monitor_lists.list_monitors(session, workspace, Wanted(), now)
    beyond = monitor_lists.list_monitors(session, workspace, Wanted(page=9), now)

    assert (first.first, first.last, first.found) == (1, PER_PAGE, PER_PAGE + 1)
    assert (beyond.page, beyond.first, beyond.last) == (2, PER_PAGE + 1, PER_PAGE + 1)
    assert beyond.rows[0].monitor.name == f"monitor {PER_PAGE:03}"


def test_an_empty_list_has_one_page(session: Session, now: datetime) -> None:
    listing = monitor_lists.list_monitors(session, make_workspace(session), Wanted(), now)

    assert (listing.rows, listing.found, listing.more_pages) == ([], 0, False)


def test_the_strip_shows_ends_of_runs_and_runs_that_never_came(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, "start", now=now - 9 * MINUTE)
    make_ping(session, monitor, "success", now=now - 8 * MINUTE, duration=MINUTE)
    make_ping(session, monitor, "log", now=now - 7 * MINUTE)
    make_incident(session, monitor, opened_at=now - 6 * MINUTE, resolved_at=now - 5 * MINUTE)
    make_ping(session, monitor, "success", now=now - 5 * MINUTE)
    make_ping(session, monitor, "fail", now=now - 4 * MINUTE)
    make_incident(session, monitor, Cause.FAILED, opened_at=now - 4 * MINUTE)

    runs = monitor_lists.recent_runs(session, [monitor.id])[monitor.id]

    assert [run.outcome for run in runs] == [
        Outcome.SUCCESS,
        Outcome.MISSED,
        Outcome.SUCCESS,
        Outcome.FAILED,
    ]
    assert runs[0].duration == MINUTE


def test_the_strip_holds_the_latest_runs_alone(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    for number in range(RUNS_SHOWN + 5):
        make_ping(session, monitor, now=now + number * SECOND)

    runs = monitor_lists.recent_runs(session, [monitor.id])[monitor.id]

    assert len(runs) == RUNS_SHOWN
    assert runs[-1].at == now + (RUNS_SHOWN + 4) * SECOND


def test_the_number_of_queries_does_not_grow_with_the_list(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    with statements(session) as few:
        names(session, workspace, now)
    for number in range(20):
        up(session, workspace, f"more {number}", now)
    session.expire_all()
    workspace_id = workspace.id
    with statements(session) as many:
        names(session, session.get_one(Workspace, workspace_id), now)

    assert 0 < len(many) == len(few) <= 5
