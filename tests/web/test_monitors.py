"""The list of monitors and the page of one, as three people see them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.monitor import Status
from earlywatch.models import Account, Monitor, Workspace
from earlywatch.services.monitor_lists import Counts
from earlywatch.web.monitor_words import headline
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_ping,
)
from tests.client import Browser
from tests.statements import statements
from tests.web.team import Team

HTMX = {"HX-Request": "true"}
HOUR = timedelta(hours=1)


def up(session: Session, workspace: Workspace, name: str = "nightly backup") -> Monitor:
    later = utcnow() + HOUR
    return make_monitor(
        session, workspace, name, status="up", expected_at=later, deadline_at=later,
        last_ping_at=utcnow() - HOUR, last_success_at=utcnow() - HOUR,
    )  # fmt: skip


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    return found[1].split("\N{EN DASH}")[0].strip() if found else ""


@pytest.mark.parametrize(
    ("counts", "words", "mark"),
    [
        ({}, "No monitors yet", "neutral"),
        ({"up": 1}, "Your monitor is up", "up"),
        ({"up": 47, "due": 1}, "All 48 monitors are up", "up"),
        ({"up": 46, "late": 2}, "2 of 48 need you", "late"),
        ({"up": 46, "late": 1, "failed": 1}, "2 of 48 need you", "failed"),
        ({"late": 1}, "1 of 1 needs you", "late"),
        ({"up": 3, "paused": 1}, "3 monitors are up", "up"),
        ({"up": 1, "new": 1}, "1 monitor is up", "up"),
        ({"paused": 2}, "All 2 monitors are paused", "neutral"),
        ({"paused": 1}, "Your monitor is paused", "neutral"),
        ({"new": 1}, "Waiting for the first ping", "neutral"),
        ({"up": 20, "frozen": 7}, "20 monitors are up", "neutral"),
        ({"up": 19, "late": 1, "frozen": 7}, "1 of 27 needs you", "late"),
        ({"frozen": 2}, "All 2 monitors are frozen", "neutral"),
        ({"paused": 1, "frozen": 1}, "No monitor is watched", "neutral"),
    ],
)
def test_the_heading_is_the_state(counts: dict[str, int], words: str, mark: str) -> None:
    state = headline(Counts({Status(status): count for status, count in counts.items()}))

    assert (state.words, state.mark) == (words, mark)


def test_the_heading_leaves_nothing_unsaid() -> None:
    counts = Counts(
        {Status.UP: 3, Status.DUE: 1, Status.PAUSED: 2, Status.NEW: 1, Status.FROZEN: 7}
    )

    said = headline(counts).rest

    assert said == (
        "1 is due. 1 waits for its first ping. 2 are paused. 7 are frozen and not watched."
    )


def test_the_first_visit_teaches_and_adds_a_monitor(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)
    page = client.get("/monitors")

    data = {"name": "backup", "period": "10 s", "kind": "interval", "time_zone": "UTC"}
    answer = client.send(page, {**data, "grace": "2 s"}, "/monitors/new")
    shown = client.follow(answer)

    assert "Watch your first job" in page.text
    assert "curl -fsS http://localhost/ping/" in shown.text
    assert title(shown.text) == "backup is new"


def test_the_title_is_the_state_and_trouble_is_marked(
    client: Browser, session: Session, team: Team
) -> None:
    up(session, team.workspace)
    late = make_monitor(session, team.workspace, "weekly report", status="late", tags=["db"])
    make_incident(session, late, opened_at=utcnow() - HOUR)
    client.sign_in(team.mate)

    page = client.get("/monitors").text

    assert title(page) == "1 of 2 needs you"
    assert page.index("weekly report") < page.index("nightly backup")
    assert "Late for 1 h" in re.sub(r"<[^>]+>", "", page)
    assert "icons/late.svg" in page


def test_strangers_see_nothing_of_it(client: Browser, session: Session, team: Team) -> None:
    monitor = up(session, team.workspace, "of the team alone")
    ping = make_ping(session, monitor, body=b"secret")
    client.sign_in(team.stranger)
    here = f"/monitors/{monitor.id}"

    assert "of the team alone" not in client.get("/monitors").text
    assert "of the team alone" not in client.get("/monitors/rows", headers=HTMX).text
    for path in (here, f"{here}/edit", f"{here}/delete", f"{here}/pings/{ping.id}",
                 f"{here}/pings/{ping.id}/body"):  # fmt: skip
        assert client.get(path).status_code == 404, path


def test_who_is_not_signed_in_is_asked_to(client: Browser, session: Session, team: Team) -> None:
    monitor = up(session, team.workspace)

    for path in ("/monitors", "/monitors/rows", "/monitors/new", f"/monitors/{monitor.id}"):
        answer = client.get(path)
        assert (answer.status_code, "/sign-in" in answer.location) == (303, True)


@pytest.mark.parametrize("path", ["/monitors/99999999999999999999999", "/monitors/0"])
def test_numbers_no_row_can_have_are_not_found(client: Browser, team: Team, path: str) -> None:
    client.sign_in(team.owner)

    assert client.get(path).status_code == 404


def test_the_list_is_narrowed_by_its_address(client: Browser, session: Session, team: Team) -> None:
    up(session, team.workspace, "database backup")
    up(session, team.workspace, "invoice run").tags = ["billing"]
    client.sign_in(team.owner)

    by_words = client.get("/monitors?q=invoice").text
    by_tag = client.get("/monitors?tag=billing").text
    nothing = client.get("/monitors?q=%00&status=bogus&page=-1&q=x").text
    none = client.get("/monitors?status=failed").text

    assert ("invoice run" in by_words, "database backup" in by_words) == (True, False)
    assert ("invoice run" in by_tag, "database backup" in by_tag) == (True, False)
    assert "database backup" in nothing
    assert "No monitor fits" in none


def test_the_rows_come_alone_with_the_new_heading(
    client: Browser, session: Session, team: Team
) -> None:
    up(session, team.workspace)
    client.sign_in(team.owner)

    part = client.get("/monitors/rows", headers=HTMX).text

    assert 'data-title="Your monitor is up"' in part
    assert 'hx-swap-oob="true"' in part
    assert "<html" not in part


def test_the_list_asks_as_many_queries_for_many_rows_as_for_one(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    up(session, team.workspace, "first")
    with statements(session) as few:
        client.get("/monitors")
    for number in range(30):
        make_ping(session, up(session, team.workspace, f"monitor {number}"))
    with statements(session) as many:
        client.get("/monitors")

    assert 0 < len(many) == len(few) <= 10


def test_the_page_of_a_monitor_asks_a_fixed_number_of_queries(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    monitor = up(session, team.workspace)
    channels = [make_channel(session, team.workspace) for _ in range(3)]
    for _ in range(5):
        make_ping(session, monitor, body=b"x")
        incident = make_incident(session, monitor, resolved_at=utcnow())
        for channel in channels:
            make_delivery(session, channel, incident)

    with statements(session) as ran:
        page = client.get(f"/monitors/{monitor.id}")

    assert page.status_code == 200
    assert 0 < len(ran) <= 15


def test_the_page_of_a_monitor_shows_log_incidents_and_answers(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, name="Team mail")
    monitor = make_monitor(session, team.workspace, status="failed", channels=[channel])
    make_ping(session, monitor, "fail", exit_status=3, message="disk full", body=b"oh",
              remote_address="203.0.113.7", user_agent="curl/8")  # fmt: skip
    incident = make_incident(session, monitor, opened_at=utcnow() - HOUR)
    make_delivery(session, channel, incident, state="sent", sent_at=utcnow(), answer="250 Ok")
    client.sign_in(team.owner)

    page = client.get(f"/monitors/{monitor.id}").text

    for words in ("exit 3", "disk full", "203.0.113.7", "curl/8", "250 Ok", "Team mail"):
        assert words in page
    assert f"http://localhost/ping/{monitor.ping_key}" in page


def test_a_monitor_that_tells_nobody_says_so(client: Browser, session: Session, team: Team) -> None:
    monitor = up(session, team.workspace)
    client.sign_in(team.owner)

    assert "Nobody would be told." in client.get(f"/monitors/{monitor.id}").text


def test_what_people_typed_is_shown_as_text(client: Browser, session: Session, team: Team) -> None:
    name = "<script>alert(1)</script>\" onmouseover='x'"
    monitor = make_monitor(session, team.workspace, name, tags=["<b>"])
    make_ping(session, monitor, message="<i>m</i>", user_agent="<u>", body=b"</code><script>")
    client.sign_in(team.owner)

    for path in ("/monitors", f"/monitors/{monitor.id}", f"/monitors/{monitor.id}/edit"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text


def test_a_viewer_looks_but_finds_no_buttons(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    monitor = up(session, team.workspace)
    client.sign_in(viewer)

    page = client.get(f"/monitors/{monitor.id}").text

    assert "/pause" not in page
    assert "Add monitor" not in client.get("/monitors").text
