"""Who may take what along, and how the files come."""

import csv
import json
import re
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account, Ping
from earlywatch.services.export_pages import ROWS
from earlywatch.web import exports
from tests.builders import (
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_ping,
)
from tests.client import Browser
from tests.html import check_page
from tests.statements import statements
from tests.web.team import Team

FILES = ("/export/workspace.json", "/export/monitors.csv")
SECRET = "hooks.slack.com/services"


def everything(client: Browser) -> Any:
    return json.loads(client.get("/export/workspace.json").data)


@pytest.mark.parametrize("who", ["owner", "mate"])
def test_members_who_may_edit_take_everything_along(
    client: Browser, session: Session, team: Team, who: str
) -> None:
    room = make_channel(session, team.workspace, "slack")
    monitor = make_monitor(session, team.workspace, channels=[room])
    client.sign_in(getattr(team, who))

    file = everything(client)
    lines = list(csv.DictReader(StringIO(client.get("/export/monitors.csv").text)))

    assert file["workspace"]["id"] == team.workspace.id
    assert SECRET in file["channels"][0]["config"]["webhook_url"]
    assert file["monitors"][0]["ping_url"].endswith(f"/ping/{monitor.ping_key}")
    assert [line["name"] for line in lines] == ["nightly backup"]


@pytest.mark.parametrize("path", FILES)
def test_a_viewer_is_told_why_not(
    client: Browser, session: Session, team: Team, viewer: Account, path: str
) -> None:
    make_channel(session, team.workspace, "slack")
    client.sign_in(viewer)

    page, answer = client.get("/export"), client.get(path)

    assert (page.status_code, answer.status_code) == (200, 403)
    for shown in (page.text, answer.text):
        assert "You may look at Night shift, but not export it" in shown
        assert path not in shown
        assert SECRET not in shown


@pytest.mark.parametrize("path", FILES)
def test_strangers_get_their_own_things_alone(
    client: Browser, session: Session, team: Team, path: str
) -> None:
    monitor = make_monitor(session, team.workspace, "a secret job")
    make_ping(session, monitor, body=b"a secret job has run")
    asked = client.get(path)
    client.sign_in(team.stranger)

    answer = client.get(path)

    assert (asked.status_code, asked.location) == (303, f"/sign-in?next={path}")
    assert answer.status_code == 200
    assert "secret job" not in answer.text


@pytest.mark.parametrize(
    ("path", "mimetype"), [(FILES[0], "application/json"), (FILES[1], "text/csv")]
)
def test_a_file_is_saved_under_a_dated_name_and_kept_by_nobody_else(
    client: Browser, alice: Account, path: str, mimetype: str
) -> None:
    client.sign_in(alice)

    headers = client.get(path).headers

    saved = re.fullmatch(r'attachment; filename="([a-z0-9.-]+)"', headers["Content-Disposition"])
    name = path.removeprefix("/export/")
    assert saved
    assert re.fullmatch(rf"earlywatch-\d{{4}}-\d\d-\d\d-{re.escape(name)}", saved[1])
    assert headers["Content-Type"].startswith(mimetype)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("plan", ["free", "business", "unlimited"])
def test_every_plan_may_leave(client: Browser, session: Session, team: Team, plan: str) -> None:
    team.workspace.plan = plan
    client.sign_in(team.owner)

    assert everything(client)["workspace"]["plan"] == plan


def test_the_account_page_leads_there(client: Browser, session: Session, alice: Account) -> None:
    client.sign_in(alice)
    page = client.get("/account").text
    offered = client.get("/export").text
    client.sign_in(make_account(session))

    assert 'href="/export"' in page
    assert all(f'href="{path}"' in offered for path in FILES)
    assert 'href="/export"' not in client.get("/account").text
    assert client.get("/export").status_code == 404


def test_thousands_of_pings_come_with_few_statements(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    row = {"monitor_id": monitor.id, "received_at": utcnow(), "kind": "success"}
    sent = {"body_cut": False, "method": "POST", "scheme": "https", "body": b"done"}
    session.execute(insert(Ping), [row | sent] * 5_000)
    client.sign_in(team.owner)

    with statements(session) as ran:
        pings = everything(client)["pings"]

    assert len({ping["id"] for ping in pings}) == 5_000
    assert {ping["body"] for ping in pings} == {"done"}
    assert len(ran) <= 5_000 // ROWS + 20


def test_more_downloads_than_there_is_room_for_are_asked_to_wait(
    client: Browser, alice: Account
) -> None:
    client.sign_in(alice)
    for _ in range(exports.AT_ONCE):
        exports._places.acquire()
    try:
        answer = client.get("/export/workspace.json")
    finally:
        exports._places.release(exports.AT_ONCE)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "Other exports are being written right now." in answer.text
    assert client.get("/export/workspace.json").status_code == 200


def test_a_download_gives_its_place_back(client: Browser, alice: Account) -> None:
    client.sign_in(alice)
    places = exports.AT_ONCE + 1

    asked = [client.head(path).status_code for path in FILES for _ in range(places)]
    taken = [client.get(path).status_code for path in FILES for _ in range(places)]

    assert {*asked, *taken} == {200}


def test_nobody_downloads_all_day(client: Browser, alice: Account) -> None:
    client.sign_in(alice)

    answers = [client.head("/export/monitors.csv").status_code for _ in range(61)]

    assert answers == [200] * 60 + [429]


def test_every_field_is_explained_in_the_docs(
    client: Browser, session: Session, team: Team
) -> None:
    room = make_channel(session, team.workspace)
    monitor = make_monitor(session, team.workspace, channels=[room])
    make_delivery(session, room, make_incident(session, monitor, opened_at=utcnow()))
    make_ping(session, monitor, body=b"text", now=utcnow())
    make_ping(session, monitor, body=b"\xff", now=utcnow())
    client.sign_in(team.owner)

    file = everything(client)
    page = check_page(client.get("/docs/export").text)

    told = {code.text for code in page.iter("code")}
    lists = {name: records for name, records in file.items() if isinstance(records, list)}
    fields = {field for records in lists.values() for record in records for field in record}
    assert len(file["pings"]) == 2
    assert {*lists, *fields} - told == set()
