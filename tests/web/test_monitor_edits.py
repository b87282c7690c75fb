"""Adding, editing, previewing, pausing and deleting monitors."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.schedule import Cron, Interval, OnCalendar
from earlywatch.models import Account, Monitor, Ping
from earlywatch.services import monitors
from earlywatch.services.monitors import channels_of
from tests.builders import make_channel, make_incident, make_monitor, make_ping
from tests.client import Browser
from tests.web.team import Team

HTMX = {"HX-Request": "true"}
TYPED = {
    "name": "nightly backup",
    "tags": "db, prod",
    "kind": "interval",
    "period": "1h 30m",
    "time_zone": "Europe/Berlin",
    "grace": "5 min",
    "max_runtime": "",
}


def typed(**others: Any) -> dict[str, Any]:
    return {**TYPED, **others}


def the_monitor(session: Session) -> Monitor:
    return session.scalars(select(Monitor)).one()


def test_what_was_typed_becomes_a_monitor(client: Browser, session: Session, team: Team) -> None:
    channel = make_channel(session, team.workspace)
    make_channel(session, team.workspace, name="not ticked")
    client.sign_in(team.mate)

    answer = client.submit("/monitors/new", typed(channels=[channel.id], max_runtime="2 h"))

    made = the_monitor(session)
    assert answer.location == f"/monitors/{made.id}"
    assert (made.name, made.tags, made.time_zone) == (
        "nightly backup",
        ["db", "prod"],
        "Europe/Berlin",
    )
    assert made.schedule == Interval(timedelta(minutes=90))
    assert (made.grace, made.max_runtime) == (timedelta(minutes=5), timedelta(hours=2))
    assert channels_of(session, made) == [channel]


@pytest.mark.parametrize(
    ("fields", "schedule"),
    [
        ({"kind": "cron", "cron": "30 2 * * 1-5"}, Cron("30 2 * * 1-5", "Europe/Berlin")),
        ({"kind": "cron", "cron": " @daily "}, Cron("0 0 * * *", "Europe/Berlin")),
        (
            {"kind": "oncalendar", "oncalendar": "Mon..Fri 02:30"},
            OnCalendar("Mon..Fri 02:30", "Europe/Berlin"),
        ),
    ],
)
def test_each_kind_of_schedule_can_be_chosen(
    client: Browser, session: Session, team: Team, fields: dict[str, str], schedule: object
) -> None:
    client.sign_in(team.owner)

    client.submit("/monitors/new", typed(**fields))

    assert the_monitor(session).schedule == schedule


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": " "}, "name", "needs a name"),
        ({"tags": "x" * 41}, "tags", "40 characters"),
        ({"kind": "sundial"}, "kind", "choice"),
        ({"period": "soon"}, "period", "not a length of time"),
        ({"period": "9 s"}, "period", "between 10 seconds and 365 days"),
        ({"kind": "cron", "cron": "0 30 2 * * *"}, "cron", "six"),
        ({"kind": "cron", "cron": "0 0 31 2 *"}, "cron", "never comes"),
        ({"kind": "oncalendar", "oncalendar": "Feb 31"}, "oncalendar", "example"),
        ({"time_zone": "Berlin"}, "time_zone", "Europe/Berlin"),
        ({"grace": ""}, "grace", "not a length of time"),
        ({"grace": "366 days"}, "grace", "between 0 seconds and 365 days"),
        ({"max_runtime": "0 s"}, "max_runtime", "between 1 second and 365 days"),
        ({"channels": ["999999"]}, "channels", "999999"),
        ({"channels": ["x"]}, "channels", "coerced"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field_and_stays(
    client: Browser,
    session: Session,
    team: Team,
    fields: dict[str, Any],
    field: str,
    words: str,
) -> None:
    client.sign_in(team.owner)

    answer = client.submit("/monitors/new", typed(**{"name": "weekly report", **fields}))

    beside = answer.text.partition(f'id="{field}-error"')[2].partition("</p>")[0]
    assert words in beside
    assert f'href="#{field}"' in answer.text
    assert 'value="5 min"' in answer.text or field == "grace"
    assert session.scalars(select(Monitor)).all() == []


def test_all_mistakes_are_told_at_once(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)

    page = client.submit("/monitors/new", typed(name="", period="x", grace="y")).text

    assert "3 things to put right" in page


def test_the_form_shows_a_monitor_as_it_is_and_saves_the_changes(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace)
    monitor = make_monitor(
        session, team.workspace, tags=["db"], schedule=Cron("0 3 * * *", "Asia/Tokyo"),
        channels=[channel], max_runtime=timedelta(hours=1),
    )  # fmt: skip
    here = f"/monitors/{monitor.id}/edit"
    client.sign_in(team.owner)

    page = client.get(here).text
    answer = client.submit(here, typed(name="hourly", tags=""))
    session.refresh(monitor)

    for shown in ("0 3 * * *", "Asia/Tokyo", 'value="db"', 'value="1 h"'):
        assert shown in page
    assert answer.location == f"/monitors/{monitor.id}"
    assert (monitor.name, monitor.tags, monitor.max_runtime) == ("hourly", [], None)
    assert channels_of(session, monitor) == []


def test_the_next_times_are_previewed_without_script_and_nothing_is_saved(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    page = client.get("/monitors/new")

    answer = client.send(
        page, typed(name="", kind="cron", cron="30 2 * * *", grace="?"), "/monitors/preview"
    )

    assert answer.text.count("02:30 Europe/Berlin (") == 5
    assert 'action="/monitors/new"' in answer.text
    assert "to put right" not in answer.text
    assert 'value="?"' in answer.text
    assert session.scalars(select(Monitor)).all() == []


def test_the_preview_of_an_edit_leads_back_to_the_edit(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)
    page = client.get(f"/monitors/{monitor.id}/edit")

    answer = client.send(page, typed(), f"/monitors/preview?monitor={monitor.id}")

    assert f'action="/monitors/{monitor.id}/edit"' in answer.text


def test_htmx_gets_the_preview_alone(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)
    page = client.get("/monitors/new")

    good = client.send(page, typed(period="1 day"), "/monitors/preview", headers=HTMX).text
    bad = client.send(page, typed(period="9 s"), "/monitors/preview", headers=HTMX).text

    assert good.count("<time") == 5
    assert "Every day" in good
    assert "<form" not in good
    assert "between 10 seconds" in bad


def test_pause_and_resume(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    here = f"/monitors/{monitor.id}"
    client.sign_in(team.mate)

    client.send(client.get(here), None, f"{here}/pause")
    session.refresh(monitor)
    paused, page = monitor.status, client.get(here)
    client.send(page, None, f"{here}/resume")
    session.refresh(monitor)

    assert (paused, monitor.status) == ("paused", "new")
    assert "Resume" in page.text


def test_deleting_says_what_is_lost_and_asks_first(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor)
    make_ping(session, monitor)
    make_incident(session, monitor)
    here = f"/monitors/{monitor.id}/delete"
    client.sign_in(team.owner)

    page = client.get(here).text
    answer = client.submit(here)

    assert "2 pings" in page
    assert "1 incident" in page
    assert "nightly backup is deleted" in client.follow(answer).text
    assert session.scalars(select(Monitor)).all() == []


def test_a_monitor_with_a_long_history_can_be_deleted(
    client: Browser, session: Session, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "BATCH", 2)
    monkeypatch.setattr(monitors, "MOST_COUNTED", 4)
    monitor = make_monitor(session, team.workspace)
    for hours in range(5):
        make_ping(session, monitor)
        then = utcnow() - timedelta(hours=hours)
        make_incident(session, monitor, opened_at=then, resolved_at=then)
    here = f"/monitors/{monitor.id}/delete"
    client.sign_in(team.owner)

    page = client.get(here).text
    answer = client.submit(here)

    assert "more than 4 pings" in page
    assert "nightly backup is deleted" in client.follow(answer).text
    assert session.scalars(select(Ping)).all() == []


@pytest.mark.parametrize("action", ["edit", "pause", "resume", "delete"])
def test_strangers_and_viewers_change_nothing(
    client: Browser, session: Session, team: Team, viewer: Account, action: str
) -> None:
    monitor = make_monitor(session, team.workspace)
    here = f"/monitors/{monitor.id}"

    client.sign_in(team.stranger)
    stranger = client.send(client.get("/monitors/new"), typed(), f"{here}/{action}")
    client.sign_in(viewer)
    looking = client.send(client.get(here), typed(), f"{here}/{action}")
    session.refresh(monitor)

    assert stranger.status_code == 404
    assert looking.status_code == 403
    assert "may not do this" in looking.text
    assert (monitor.name, monitor.status) == ("nightly backup", "new")


def test_viewers_add_nothing(client: Browser, team: Team, viewer: Account) -> None:
    client.sign_in(viewer)

    assert client.get("/monitors/new").status_code == 403


@pytest.mark.parametrize("action", ["pause", "resume", "delete", "edit"])
def test_forms_of_other_sites_are_refused(
    client: Browser, session: Session, team: Team, action: str
) -> None:
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)

    assert client.post(f"/monitors/{monitor.id}/{action}", data=typed()).status_code == 400
