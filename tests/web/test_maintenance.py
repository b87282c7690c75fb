"""Maintenance windows: the list, the form with its preview, ending early, the monitor's pages."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.windows import Once, Weekly, Window
from earlywatch.models import Account, Maintenance
from earlywatch.services import maintenance, maintenance_edits
from earlywatch.services.maintenance_edits import MaintenanceValues
from tests.builders import make_incident, make_monitor
from tests.client import Browser
from tests.web.team import Team

HOUR = timedelta(hours=1)
HTMX = {"HX-Request": "true"}
TYPED = {
    "name": "database upgrade",
    "tags": "db",
    "recurrence": "once",
    "day": "2099-06-01",
    "at": "06:00",
    "length": "90",
    "time_zone": "Europe/Berlin",
}
WEEKLY = {"recurrence": "weekly", "weekdays": ["6", "7"], "starts": "02:30"}


def typed(**others: Any) -> dict[str, Any]:
    return {**TYPED, **others}


def the_window(session: Session) -> Maintenance:
    return session.scalars(select(Maintenance)).one()


def make_window(session: Session, team: Team, *tags: str, name: str = "upgrade") -> Maintenance:
    window = Window(Once(utcnow() - HOUR, "UTC"), 3 * HOUR)
    values = MaintenanceValues(name, window, tags)
    return maintenance_edits.create_window(session, team.workspace, values, utcnow())


def test_a_single_window_is_added(client: Browser, session: Session, team: Team) -> None:
    client.sign_in(team.mate)

    answer = client.submit("/maintenance/new", typed())
    shown = client.follow(answer).text

    row = the_window(session)
    assert row.starts_at == datetime(2099, 6, 1, 4, tzinfo=UTC)
    assert (row.tags, row.length) == (["db"], 1.5 * HOUR)  # a bare number is minutes
    assert "Mon 1 Jun 2099, 06:00 Europe/Berlin (04:00 UTC)" in shown


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (WEEKLY, "Saturday and Sunday at 02:30 Europe/Berlin, for 1 h 30 min"),
        (
            {"recurrence": "cron", "expression": "0 2 1 * *"},
            "at 02:00, on day 1 of the month, in Europe/Berlin, for 1 h 30 min",
        ),
    ],
)
def test_a_window_that_comes_again_is_added(
    client: Browser, session: Session, team: Team, fields: dict[str, Any], words: str
) -> None:
    client.sign_in(team.owner)

    client.submit("/maintenance/new", typed(**fields))

    assert maintenance.window_of(the_window(session)).words() == words
    assert words[1:] in client.get("/maintenance").text


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"day": ""}, "day", "Say on which day"),
        ({"day": "1 June"}, "day", "like 2026-11-20"),
        ({"day": "2001-01-01"}, "day", "ended already"),
        ({"day": "9999-01-01"}, "day", "of this century"),
        ({"at": ""}, "at", "Say when it begins"),
        ({"at": "25:00"}, "at", "like 22:00"),
        ({"length": "0"}, "length", "from 1 minute to 31 days"),
        ({"length": "soon"}, "length", "not a length of time"),
        ({"time_zone": "Berlin"}, "time_zone", "There is no time zone"),
        ({**WEEKLY, "starts": ""}, "starts", "Say when it begins"),
        ({**WEEKLY, "weekdays": [], "length": "1 day"}, "length", "before it has ended"),
        ({"recurrence": "cron", "expression": "0 2"}, "expression", "five fields"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(
    client: Browser, session: Session, team: Team, fields: dict[str, Any], field: str, words: str
) -> None:
    client.sign_in(team.owner)

    page = client.submit("/maintenance/new", typed(**fields)).text

    assert f'id="{field}-error"' in page
    assert words in page
    assert session.scalars(select(Maintenance)).all() == []


def test_the_preview_shows_the_next_windows_in_the_zone_and_utc(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    page = client.get("/maintenance/new")

    part = client.send(page, typed(**WEEKLY), "/maintenance/preview", headers=HTMX).text
    whole = client.send(page, typed(**WEEKLY), "/maintenance/preview").text

    for shown in (part, whole):
        assert shown.count("02:30 Europe/Berlin (") >= 5
        assert "UTC)" in shown
    assert "No monitor has the tag “db” now." in whole
    assert "<h1>" not in part
    assert session.scalars(select(Maintenance)).all() == []


def test_a_window_is_shown_as_it_was_set_and_changed(
    client: Browser, session: Session, team: Team
) -> None:
    window = Window(Weekly((6,), time(2, 30), "Europe/Berlin"), HOUR)
    values = MaintenanceValues("weekend", window, ("db",))
    row = maintenance_edits.create_window(session, team.workspace, values, utcnow())
    client.sign_in(team.owner)
    page = client.get(f"/maintenance/{row.id}/edit").text
    assert 'value="02:30"' in page
    assert 'value="weekend"' in page

    client.submit(f"/maintenance/{row.id}/edit", typed(name="later"))

    changed = the_window(session)
    assert (changed.name, changed.recurrence, changed.starts) == ("later", "once", None)


def test_a_window_is_ended_early(client: Browser, session: Session, team: Team) -> None:
    row = make_window(session, team)
    monitor = make_monitor(session, team.workspace, status="late")
    later = utcnow() + 2 * HOUR
    incident = make_incident(session, monitor, held="maintenance", next_step_at=later)
    client.sign_in(team.owner)
    page = client.get("/maintenance")
    assert "End now" in page.text

    shown = client.follow(client.send(page, None, f"/maintenance/{row.id}/end")).text

    assert incident.next_step_at is not None
    assert incident.next_step_at <= utcnow()
    assert "What is late still is told now." in shown
    assert "Ended early" in shown


def test_a_window_is_deleted_once_confirmed(client: Browser, session: Session, team: Team) -> None:
    row = make_window(session, team)
    client.sign_in(team.owner)
    assert "Delete upgrade?" in client.get(f"/maintenance/{row.id}/delete").text

    client.submit(f"/maintenance/{row.id}/delete")

    assert session.scalars(select(Maintenance)).all() == []


def test_pages_of_monitors_say_that_nobody_is_told(
    client: Browser, session: Session, team: Team
) -> None:
    make_window(session, team, "db", name="<b>upgrade</b>")
    resting = make_monitor(session, team.workspace, "resting", tags=["db"])
    other = make_monitor(session, team.workspace, "other")
    client.sign_in(team.owner)

    assert client.get("/monitors").text.count("In maintenance until") == 1
    assert "In maintenance until" in client.get(f"/monitors/{resting.id}").text
    assert "In maintenance until" not in client.get(f"/monitors/{other.id}").text


def test_a_monitor_rests_at_the_press_of_a_button(
    client: Browser, session: Session, team: Team
) -> None:
    monitor, other = (make_monitor(session, team.workspace) for _ in range(2))
    client.sign_in(team.owner)
    page = client.get(f"/monitors/{monitor.id}")
    assert "Maintenance for 1 h" in page.text

    shown = client.follow(client.send(page, None, f"/maintenance/monitor/{monitor.id}")).text

    assert "In maintenance until" in shown
    assert "Maintenance for 1 h" not in shown
    assert "In maintenance until" not in client.get(f"/monitors/{other.id}").text
    assert f"{monitor.name} alone" in client.get("/maintenance").text


def test_who_may_only_look_changes_nothing(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    row, monitor = make_window(session, team), make_monitor(session, team.workspace)
    client.sign_in(viewer)
    page = client.get("/maintenance")
    assert "End now" not in page.text

    for path in ("new", f"{row.id}/edit", f"{row.id}/delete"):
        assert client.get(f"/maintenance/{path}").status_code == 403
    for path in (f"{row.id}/end", f"monitor/{monitor.id}"):
        assert client.send(page, None, f"/maintenance/{path}").status_code == 403


def test_a_stranger_finds_no_window(client: Browser, session: Session, team: Team) -> None:
    row, monitor = make_window(session, team, name="secret"), make_monitor(session, team.workspace)
    client.sign_in(team.stranger)
    page = client.get("/maintenance")

    assert "secret" not in page.text
    assert client.get(f"/maintenance/{row.id}/edit").status_code == 404
    for path in (f"{row.id}/end", f"monitor/{monitor.id}"):
        assert client.send(page, None, f"/maintenance/{path}").status_code == 404
