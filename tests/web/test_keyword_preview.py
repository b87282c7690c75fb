"""What the latest pings would be by the words that are typed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.keywords import Keywords
from earlywatch.models import Account, Monitor
from earlywatch.services import keyword_previews
from earlywatch.services.keyword_previews import try_latest
from earlywatch.services.reading import NO_KEYWORD
from tests.builders import NOW, make_monitor, make_ping
from tests.client import Browser
from tests.web.team import Team
from tests.web.test_monitor_edits import HTMX, typed

ERRORS = Keywords(failure=("ERROR",), success=("done",))


def read(session: Session, monitor: Monitor, keywords: Keywords = ERRORS) -> list[tuple[Any, ...]]:
    """Return how the latest pings are read: what it was, would be, and why."""
    found = try_latest(session, monitor, keywords)
    return [(each.ping.kind, each.kind.value, each.word) for each in found]


def test_each_ping_tells_what_it_would_be_and_which_word_says_so(session: Session) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, body=b"error: disk full, done")
    make_ping(session, monitor, message="all done", body=b"\xff")
    make_ping(session, monitor, "fail", scheme="email", message="backup", body=b"done")
    make_ping(session, monitor)

    assert read(session, monitor) == [
        ("success", "success", None),
        ("fail", "success", "done"),
        ("success", "success", "done"),
        ("success", "fail", "ERROR"),
    ]


def test_what_said_itself_what_it_is_is_left_out(session: Session) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, exit_status=0)
    make_ping(session, monitor, "ignored", reason="not a POST")
    for kind in ("fail", "start", "log"):
        make_ping(session, monitor, kind, body=b"ERROR")

    assert read(session, monitor) == []


def test_what_the_words_of_today_made_of_a_ping_is_read_anew(session: Session) -> None:
    monitor = make_monitor(session, keywords_json=Keywords(failure=("warning",)).to_json())
    make_ping(session, monitor, "fail", body=b"one warning")
    make_ping(session, monitor, "fail", body=b"said so itself")
    make_ping(session, monitor, "ignored", reason=NO_KEYWORD.reason, body=b"ERROR")

    assert read(session, monitor) == [("ignored", "fail", "ERROR"), ("fail", "success", None)]


def test_the_latest_ten_are_read(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyword_previews, "LOOKED_AT", 14)
    monitor = make_monitor(session)
    make_ping(session, make_monitor(session))
    for number in range(12):
        make_ping(session, monitor, now=NOW + timedelta(hours=number))

    latest = [each.ping.received_at for each in try_latest(session, monitor, ERRORS)]
    for _ in range(10):
        make_ping(session, monitor, "log")

    assert latest == [NOW + timedelta(hours=number) for number in range(11, 1, -1)]
    assert len(read(session, monitor)) == 4


def test_htmx_gets_the_readings_alone(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace, slug="backup")
    make_ping(session, monitor, body=b"An <ERROR>")
    make_ping(session, monitor)
    client.sign_in(team.mate)
    here = f"/monitors/{monitor.id}"
    page = client.get(f"{here}/edit")

    def part(**fields: Any) -> str:
        return client.send(page, fields, f"{here}/words", headers=HTMX).text

    shown = part(failure="<error>")
    assert "1 of the latest 2 would be something else" in shown
    assert "contains “&lt;error&gt;”" in shown
    assert "none of the words" in shown
    assert "<form" not in shown
    assert "None of the latest 2" in part(success="x")
    assert "Give a word" in part()
    assert "200 characters" in part(failure="x" * 201)
    assert "where to look" in part(failure="x", in_subject="", in_body="")


def test_a_ping_whose_body_was_moved_says_how_far_it_was_read(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor, body=b"x" * 4096, body_key="bodies/1", body_bytes=50_000)
    client.sign_in(team.mate)
    page = client.get(f"/monitors/{monitor.id}/edit")

    def part(**fields: Any) -> str:
        here = f"/monitors/{monitor.id}/words"
        return client.send(page, {"failure": "ERROR", **fields}, here, headers=HTMX).text

    said = "none of the words; only the first 4 kB of its output could be read"
    assert said in part()
    assert "first 4 kB" not in part(in_body="")


def test_without_script_the_form_comes_back_with_the_readings_and_nothing_is_saved(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor, body=b"ERROR")
    client.sign_in(team.owner)
    here = f"/monitors/{monitor.id}"
    fields = typed(name="", failure="ERROR", grace="?")

    page = client.send(client.get(f"{here}/edit"), fields, f"{here}/words").text

    assert "1 of the latest 1 would be something else" in page
    assert f'action="{here}/edit"' in page
    assert '<details class="more" open>' in page
    assert "to put right" not in page
    assert 'value="?"' in page
    assert page.count("Every 1 h 30 min") == 1
    assert monitor.keywords is None


def test_a_monitor_without_pings_says_so(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace, keywords_json=ERRORS.to_json())
    client.sign_in(team.owner)

    assert "no ping yet to try these words on" in client.get(f"/monitors/{monitor.id}/edit").text


def test_strangers_and_viewers_read_no_pings(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor, body=b"ERROR")
    here = f"/monitors/{monitor.id}"

    client.sign_in(team.stranger)
    stranger = client.send(client.get("/monitors/new"), typed(failure="ERROR"), f"{here}/words")
    client.sign_in(viewer)
    looking = client.send(client.get(here), typed(failure="ERROR"), f"{here}/words")

    assert (stranger.status_code, looking.status_code) == (404, 403)
