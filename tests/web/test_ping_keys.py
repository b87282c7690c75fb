"""The pages of ping keys: who sees them, what they say before and after a change."""

from datetime import datetime, timedelta
from html import escape

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from earlywatch.models import Account, Monitor
from earlywatch.models.workspace import Role
from earlywatch.services import ping_keys
from tests.builders import make_account, make_member, make_monitor, make_ping
from tests.client import Browser
from tests.html import check_page
from tests.web.team import Team

HERE = "/ping-key"
DAY = timedelta(days=1)
NOBODY = "Nobody since the change."


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("earlywatch.app.utcnow", lambda: now)


@pytest.fixture
def monitor(session: Session, team: Team) -> Monitor:
    """A monitor of the team."""
    return make_monitor(session, team.workspace, "backup", slug="backup")


@pytest.fixture
def admin(session: Session, team: Team) -> Account:
    """An admin of the team's workspace."""
    account = make_account(session)
    make_member(session, team.workspace, account, Role.ADMIN)
    return account


def change(client: Browser, page: str, overlap: str, seen: str) -> str:
    """Press the button; return the page that comes."""
    answer = client.submit(f"{page}/change", {"overlap": overlap, "seen": seen})
    assert answer.status_code == 303
    return client.follow(answer).text


def end(client: Browser, here: str, page: TestResponse) -> str:
    """Press the button that ends the old key on `page`; return the page that comes."""
    [seen] = {
        field.get("value")
        for field in check_page(page.text).iter("input")
        if field.get("name") == "seen"
    }
    return client.follow(client.send(page, {"seen": seen}, f"{here}/end")).text


def words(page: TestResponse) -> str:
    """The words of a page, with single spaces."""
    return " ".join("".join(check_page(page.text).itertext()).split())


def test_a_new_key_of_a_monitor_is_shown_with_the_time_that_the_old_one_has(
    client: Browser, team: Team, monitor: Monitor
) -> None:
    before, here = str(monitor.ping_key), f"/monitors/{monitor.id}/key"
    client.sign_in(team.mate)

    said = words(client.get(f"{here}/change"))
    after = change(client, here, "7 days", before)

    assert "what pings the old one after that is answered 404" in said
    assert "Until then both keys work" in said
    assert str(monitor.ping_key) != before
    assert str(monitor.old_ping_key) == before
    assert f"/ping/{monitor.ping_key}<" in after
    assert before not in after
    assert "Fri 27 Nov 2026, 05:17:03 UTC" in after
    assert NOBODY in after
    assert "The old key works until" in client.get(f"/monitors/{monitor.id}").text


def test_who_still_uses_the_old_key_is_listed_until_it_is_ended(
    client: Browser, session: Session, team: Team, monitor: Monitor, now: datetime
) -> None:
    here = f"/monitors/{monitor.id}/key"
    ping_keys.rotate_monitor_key(session, team.workspace, monitor.id, DAY, now)
    agent = {"remote_address": "192.0.2.7", "user_agent": "curl/<8>"}
    make_ping(session, monitor, now=now, **agent, old_key=True)
    client.sign_in(team.mate)

    listed = client.get(here)
    asked = client.get(f"{here}/end")
    ended = end(client, here, asked)

    assert "it was used from 192.0.2.7." in words(asked)
    assert "192.0.2.7" in listed.text
    assert escape("curl/<8>") in listed.text
    assert NOBODY not in listed.text
    assert "The old key answers 404 from now on." in ended
    assert "192.0.2.7" not in ended
    assert monitor.old_ping_key is None


def test_a_key_that_has_ended_is_not_spoken_of(
    client: Browser, session: Session, team: Team, monitor: Monitor, now: datetime
) -> None:
    week_ago = now - 7 * DAY
    ping_keys.rotate_monitor_key(session, team.workspace, monitor.id, 7 * DAY, week_ago)
    ping_keys.rotate_workspace_key(session, team.workspace, 7 * DAY, week_ago)
    client.sign_in(team.owner)

    for path in (f"/monitors/{monitor.id}", f"/monitors/{monitor.id}/key", HERE, f"{HERE}/change"):
        page = client.get(path).text
        assert "old key works" not in page
        assert "older key" not in page


def test_changing_again_says_that_the_older_key_ends_at_once(
    client: Browser, session: Session, team: Team, monitor: Monitor, now: datetime
) -> None:
    ping_keys.rotate_monitor_key(session, team.workspace, monitor.id, DAY, now)
    ping_keys.rotate_workspace_key(session, team.workspace, DAY, now)
    client.sign_in(team.owner)

    for path in (f"/monitors/{monitor.id}/key/change", f"{HERE}/change"):
        page = words(client.get(path))
        assert "An older key still works, until Sat 21 Nov 2026, 05:17:03 UTC." in page
        assert "It ends at once when you change the key again" in page


def test_pressing_twice_loses_no_key(client: Browser, team: Team, monitor: Monitor) -> None:
    seen, name_key = str(monitor.ping_key), team.workspace.ping_key
    client.sign_in(team.owner)

    for page, shown in ((f"/monitors/{monitor.id}/key", seen), (HERE, name_key)):
        change(client, page, "1 day", shown)
        assert "so nothing was done now" in change(client, page, "1 day", shown)

    assert str(monitor.old_ping_key) == seen
    assert team.workspace.old_ping_key == name_key


def test_an_old_tab_ends_no_key_that_it_never_showed(
    client: Browser, session: Session, team: Team, monitor: Monitor, now: datetime
) -> None:
    client.sign_in(team.owner)
    here = f"/monitors/{monitor.id}/key"
    for page in (here, HERE):
        for tab in (page, f"{page}/end"):
            rotate(session, team, monitor, now)
            old_tab = client.get(tab)
            rotate(session, team, monitor, now + DAY / 24)

            assert "so nothing was done now" in end(client, page, old_tab)
            unsaid = client.send(old_tab, {}, f"{page}/end")
            assert "so nothing was done now" in client.follow(unsaid).text
            assert monitor.old_ping_key
            assert team.workspace.old_ping_key
        assert "answers 404 from now on" in end(client, page, client.get(page))


def rotate(session: Session, team: Team, monitor: Monitor, now: datetime) -> None:
    """Change both keys."""
    ping_keys.rotate_monitor_key(session, team.workspace, monitor.id, DAY, now)
    ping_keys.rotate_workspace_key(session, team.workspace, DAY, now)


def test_no_browser_keeps_a_page_with_a_key(client: Browser, team: Team, monitor: Monitor) -> None:
    client.sign_in(team.owner)

    for page in (f"/monitors/{monitor.id}/key", HERE):
        for path in (page, f"{page}/change", f"{page}/end"):
            assert client.get(path).headers["Cache-Control"] == "no-store"


def test_an_odd_overlap_changes_nothing(client: Browser, team: Team, monitor: Monitor) -> None:
    before = monitor.ping_key
    client.sign_in(team.owner)

    typed = {"overlap": "9 years", "seen": str(before)}
    page = client.submit(f"/monitors/{monitor.id}/key/change", typed)

    assert page.status_code == 200
    assert "One thing to put right" in page.text
    assert monitor.ping_key == before


def test_the_key_of_the_workspace_comes_with_lines_to_copy(client: Browser, team: Team) -> None:
    url = f"http://localhost/ping/{team.workspace.ping_key}/nightly-backup"
    client.sign_in(team.owner)

    page = client.get(HERE).text

    assert f"curl -fsS -m 10 --retry 5 -o /dev/null {url}<" in page
    assert f"{url}/$?<" in page
    assert f"{url}?create=1&amp;period=1d&amp;grace=1h" in page
    assert 'href="/ping-key"' in client.get("/monitors").text


def test_the_key_of_the_workspace_is_changed_by_owners_and_admins(
    client: Browser, team: Team, admin: Account
) -> None:
    for person in (team.owner, admin):
        client.sign_in(person)
        before = team.workspace.ping_key

        after = change(client, HERE, "not at all", before)

        assert team.workspace.ping_key != before
        assert team.workspace.old_ping_key is None
        assert team.workspace.ping_key in after
        assert before not in after


def test_members_see_the_key_of_the_workspace_but_change_nothing(
    client: Browser, team: Team
) -> None:
    client.sign_in(team.mate)
    before = team.workspace.ping_key

    page = client.get(HERE)
    refused = client.get(f"{HERE}/change")
    acts = [client.send(page, {}, f"{HERE}/{act}") for act in ("end", "create/off")]

    assert before in page.text
    assert "Change the key" not in page.text
    assert "Switch off" not in page.text
    assert "may change its ping key" in refused.text
    assert {answer.status_code for answer in (refused, *acts)} == {403}
    assert team.workspace.create_by_ping


def test_viewers_see_no_key(client: Browser, team: Team, monitor: Monitor, viewer: Account) -> None:
    client.sign_in(viewer)

    key = f"/monitors/{monitor.id}/key"
    answers = [client.get(path) for path in (HERE, f"{HERE}/change", key, f"{key}/change")]

    assert {answer.status_code for answer in answers} == {403}
    page = client.get(f"/monitors/{monitor.id}").text
    assert HERE not in page
    assert team.workspace.ping_key not in page


def test_strangers_find_no_key_of_others(client: Browser, team: Team, monitor: Monitor) -> None:
    client.sign_in(team.stranger)
    key = f"/monitors/{monitor.id}/key"

    page = client.get(HERE)

    assert team.workspace.ping_key not in page.text
    for answer in (
        client.get(key),
        client.get(f"{key}/change"),
        client.send(page, {}, f"{key}/end"),
    ):
        assert answer.status_code == 404


def test_users_of_the_old_key_of_the_workspace_are_named_with_their_monitors(
    client: Browser, session: Session, team: Team, monitor: Monitor, now: datetime
) -> None:
    ping_keys.rotate_workspace_key(session, team.workspace, DAY, now)
    client.sign_in(team.owner)
    assert NOBODY in client.get(HERE).text

    make_ping(session, monitor, now=now, remote_address="192.0.2.7", old_key=True)
    page = client.get(HERE)
    end(client, HERE, client.get(f"{HERE}/end"))

    assert "192.0.2.7" in page.text
    assert f'href="/monitors/{monitor.id}#log"' in page.text
    assert team.workspace.old_ping_key is None


def test_making_monitors_by_ping_can_be_switched_off_and_on(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)

    off = client.follow(client.send(client.get(HERE), {}, f"{HERE}/create/off")).text
    was_on = team.workspace.create_by_ping
    on = client.follow(client.send(client.get(HERE), {}, f"{HERE}/create/on")).text

    assert (was_on, team.workspace.create_by_ping) == (False, True)
    assert "answered 403 and nothing is stored. Monitors that exist" in " ".join(off.split())
    assert "?create=1" not in off
    assert "Switch off" in on
