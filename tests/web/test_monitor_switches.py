"""The seldom used part of a monitor's form: name in ping URLs, runs, pauses, security, words."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.keywords import Keywords, Otherwise
from earlywatch.models import Monitor
from tests.builders import make_monitor
from tests.client import Browser
from tests.html import check_page
from tests.web.team import Team
from tests.web.test_monitor_edits import typed

FOLDED = '<details class="more" >'
OPEN = '<details class="more" open>'
WORDS = Keywords(
    failure=("ERROR", "no space"), success=("done",), match_case=True, in_subject=False,
    otherwise=Otherwise.FAIL,
)  # fmt: skip
SWITCHES: dict[str, Any] = {
    "slug": "backup",
    "max_runtime": "2 h",
    "stall_after": "10 min",
    "sticky_pause": "",
    "post_only": ["", "y"],
    "mask_secrets": "",
    "allowed_networks": "10.0.0.0/8, 203.0.113.7",
    "failure": "ERROR\n\n no space \nERROR",
    "success": "done",
    "start": "",
    "in_subject": "",
    "in_body": ["", "y"],
    "match_case": ["", "y"],
    "otherwise": "fail",
}


def the_monitor(session: Session) -> Monitor:
    return session.scalars(select(Monitor)).one()


def test_what_was_decided_is_kept_and_shown(client: Browser, session: Session, team: Team) -> None:
    client.sign_in(team.owner)

    answer = client.submit("/monitors/new", typed(**SWITCHES))

    made = the_monitor(session)
    assert (made.slug, made.stall_after) == ("backup", timedelta(minutes=10))
    assert (made.sticky_pause, made.post_only, made.mask_secrets) == (False, True, False)
    assert made.allowed_networks == ["10.0.0.0/8", "203.0.113.7/32"]
    assert made.keywords == WORDS
    page = client.follow(answer).text
    for shown in (
        "<code>backup</code>", "10 min", "POST only", "203.0.113.7", "not masked",
        "ends with the next success or failure", "failure: “ERROR”, “no space”", "success: “done”",
        "otherwise failure",
    ):  # fmt: skip
        assert shown in page


def test_an_edit_shows_what_is_set_and_saving_it_changes_nothing(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    client.submit("/monitors/new", typed(**SWITCHES))
    made = the_monitor(session)
    columns = [*Monitor.__table__.columns.keys()]
    before = {name: getattr(made, name) for name in columns if hasattr(made, name)}
    here = f"/monitors/{made.id}/edit"

    page = client.get(here).text
    client.submit(here, typed(max_runtime="2 h"))  # what a form does not ask for stays

    assert OPEN in page
    for shown in (
        "10.0.0.0/8\n203.0.113.7<",
        "ERROR\nno space<",
        'value="fail"\n             checked',
    ):
        assert shown in page
    assert {name: getattr(made, name) for name in before} == before


def test_a_monitor_with_nothing_special_keeps_the_form_short_and_safe(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    client.submit("/monitors/new", typed(name="Été 2"))

    made = the_monitor(session)
    assert (made.slug, made.keywords, made.allowed_networks) == ("ete-2", None, [])
    assert (made.sticky_pause, made.post_only, made.mask_secrets) == (True, False, True)
    assert FOLDED in client.get(f"/monitors/{made.id}/edit").text
    assert FOLDED in client.get("/monitors/new").text


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"slug": "Nightly Backup"}, "slug", "nightly-backup"),
        ({"stall_after": "soon"}, "stall_after", "not a length of time"),
        ({"stall_after": "0 s"}, "stall_after", "between 1 second and 365 days"),
        ({"allowed_networks": "10.1.2.3/8"}, "allowed_networks", "10.0.0.0/8"),
        ({"failure": "x" * 201}, "failure", "200 characters"),
        ({"success": "\n".join(map(str, range(21)))}, "success", "At most 20 words"),
        ({"failure": "", "otherwise": "fail"}, "failure", "at least one word to look for"),
        ({"failure": "", "match_case": "y"}, "failure", "at least one word to look for"),
        ({"failure": "", "in_body": ""}, "failure", "at least one word to look for"),
        ({"start": "x", "in_subject": "", "in_body": ""}, "in_subject", "where to look"),
        ({"otherwise": "log"}, "otherwise", "oerce"),
    ],
)
def test_what_makes_no_sense_unfolds_the_form_and_stays(
    client: Browser,
    session: Session,
    team: Team,
    fields: dict[str, Any],
    field: str,
    words: str,
) -> None:
    client.sign_in(team.owner)

    page = client.submit("/monitors/new", typed(**fields)).text

    beside = page.partition(f'id="{field}-error"')[2].partition("</p>")[0]
    assert words in beside
    assert f'href="#{field}"' in page
    assert OPEN in page
    if field not in ("otherwise", "in_subject"):
        assert fields[field] in page
    assert session.scalars(select(Monitor)).all() == []


def test_a_box_stays_ticked_when_the_form_comes_back_and_is_sent_again(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    ticked = {name: ["", "y"] for name in ("mask_secrets", "sticky_pause", "in_body")}

    page = client.submit("/monitors/new", typed(name="", **ticked))
    boxes = [
        box for box in check_page(page.text).iter("input")
        if box.get("type") == "checkbox" and box.get("name") in ticked
    ]  # fmt: skip
    again = {str(box.get("name")): ["", box.get("value")] for box in boxes}
    client.send(page, typed(**again), "/monitors/new")

    assert len(boxes) == 3
    assert all(box.get("checked") is not None for box in boxes)
    made = the_monitor(session)
    assert (made.mask_secrets, made.sticky_pause) == (True, True)


def test_words_are_taken_away_by_leaving_them_out(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    client.submit("/monitors/new", typed(**SWITCHES))
    made = the_monitor(session)

    wordless = typed(**{**SWITCHES, **dict.fromkeys(("failure", "success", "start"), "")})
    answer = client.submit(f"/monitors/{made.id}/edit", wordless)

    assert answer.status_code == 303
    assert made.keywords is None


def test_other_networks_end_the_news_of_a_refused_ping(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    refused: dict[str, Any] = {"refused_at": now, "refused_address": "203.0.113.9"}
    monitor = make_monitor(session, team.workspace, allowed_networks=["192.0.2.0/24"], **refused)
    client.sign_in(team.owner)
    here = f"/monitors/{monitor.id}/edit"

    client.submit(here, typed(allowed_networks="192.0.2.0/24"))
    assert (monitor.refused_at, str(monitor.refused_address)) == (now, "203.0.113.9")
    client.submit(here, typed(allowed_networks="192.0.2.0/24 203.0.113.9"))
    assert (monitor.refused_at, monitor.refused_address) == (None, None)


def test_a_name_in_ping_urls_that_another_monitor_has_is_refused(
    client: Browser, session: Session, team: Team
) -> None:
    make_monitor(session, team.workspace, "Weekly backup", slug="backup")
    other = make_monitor(session, team.workspace, slug="other")
    make_monitor(session, slug="other-2")
    client.sign_in(team.owner)

    added = client.submit("/monitors/new", typed(slug="backup")).text
    edited = client.submit(f"/monitors/{other.id}/edit", typed(slug="backup")).text
    elsewhere = client.submit(f"/monitors/{other.id}/edit", typed(slug="other-2"))

    for page in (added, edited):
        assert "Weekly backup&#34; has the name" in page.partition('id="slug-error"')[2]
        assert OPEN in page
    assert elsewhere.location == f"/monitors/{other.id}"
    assert other.slug == "other-2"


def test_a_doubled_name_does_not_hinder_other_edits_and_is_told(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace, slug="backup")
    make_monitor(session, team.workspace, "Weekly backup", slug="backup")
    here = f"/monitors/{monitor.id}"
    client.sign_in(team.owner)

    saved = client.submit(f"{here}/edit", typed(name="renamed", slug="backup"))

    assert saved.location == here
    assert "Pings by this name are refused: Weekly backup has it too." in client.get(here).text


def test_the_switches_alone_leave_the_deadline_where_it_is(
    client: Browser, session: Session, team: Team
) -> None:
    soon = utcnow() + timedelta(minutes=1)
    monitor = make_monitor(
        session, team.workspace, grace=timedelta(minutes=5), status="up",
        expected_at=soon, deadline_at=soon, last_success_at=utcnow() - timedelta(hours=3),
    )  # fmt: skip
    switches = {**SWITCHES, "max_runtime": "", "stall_after": "", "period": "10 s"}
    client.sign_in(team.owner)

    client.submit(f"/monitors/{monitor.id}/edit", typed(**switches))

    assert monitor.post_only
    assert (monitor.status, monitor.deadline_at) == ("up", soon)
