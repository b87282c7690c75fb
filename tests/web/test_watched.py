"""Frozen monitors on the pages, and choosing which ones are watched."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clients.stripe import Stripe
from earlywatch.clock import utcnow
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.models import Account, BillingMail, Monitor, Workspace
from earlywatch.services import watching
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_account, make_monitor, make_workspace
from tests.client import Browser
from tests.statements import statements
from tests.web.people import another
from tests.web.team import Team

HERE = "/billing/watched"
FREE = PLANS[PlanName.FREE].monitors or 0
BANNER = "frozen and not watched"
TYPED = {
    "name": "one more",
    "kind": "interval",
    "period": "7 min",
    "grace": "3 min",
    "time_zone": "UTC",
}


@pytest.fixture
def sold(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans be sold here; Stripe is never asked."""
    stripe = Stripe("sk_test_earlywatch", "http://127.0.0.1:1", tax=False, promotions=False)
    monkeypatch.setitem(
        app.extensions, EXTENSION, replace(app.extensions[EXTENSION], stripe=stripe)
    )


def free(session: Session, team: Team, count: int = FREE + 2) -> list[Monitor]:
    """Monitors of the team, which came down to Free: what is too much is frozen."""
    team.workspace.plan = PlanName.FREE.value
    made = [make_monitor(session, team.workspace, f"job {n:02}") for n in range(count)]
    watching.fit(session, team.workspace, utcnow())
    return made


def ticked(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'name="watch" value="(\d+)" checked', page)]


def test_a_frozen_monitor_shows_on_every_page_and_in_red(
    client: Browser, session: Session, team: Team, sold: None
) -> None:
    made = free(session, team)
    client.sign_in(team.owner)

    pages = [
        client.get(path).text for path in ("/monitors", "/channels", "/account", "/docs/", HERE)
    ]

    for page in pages:
        assert f"{len(made) - FREE} monitors are {BANNER}." in page
        assert f'href="{HERE}"' in page
        assert 'href="/billing"' in page
        assert "message-error" in page


def test_who_may_only_look_is_told_but_not_asked_to_choose(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    free(session, team, FREE + 1)
    client.sign_in(viewer)

    page = client.get("/monitors").text

    assert f"1 monitor is {BANNER}." in page
    assert f'href="{HERE}"' not in page
    assert client.get(HERE).status_code == 403


def test_without_frozen_monitors_nothing_is_said(
    client: Browser, session: Session, team: Team
) -> None:
    free(session, team, FREE)
    client.sign_in(team.owner)

    assert BANNER not in client.get("/channels").text


def test_where_nothing_is_sold_there_is_no_bill_to_open(
    client: Browser, session: Session, team: Team
) -> None:
    made = free(session, team)
    client.sign_in(team.owner)
    page = client.get(f"/monitors/{made[0].id}")

    for answer in (page, client.submit("/monitors/new", TYPED)):
        assert 'href="/billing"' not in answer.text
        assert "under Billing" not in answer.text


def test_strangers_do_not_see_it(client: Browser, session: Session, team: Team) -> None:
    free(session, team)
    client.sign_in(team.stranger)

    assert BANNER not in client.get("/channels").text


def test_the_list_tells_the_frozen_apart_and_finds_them(
    client: Browser, session: Session, team: Team
) -> None:
    made = free(session, team)
    client.sign_in(team.owner)

    whole, narrowed = client.get("/monitors").text, client.get("/monitors?status=frozen").text

    assert "badge-frozen" in whole
    assert "Not watched" in whole
    assert [m.name for m in made if f">{m.name}</a>" in narrowed] == ["job 20", "job 21"]


def test_the_page_of_a_frozen_monitor_says_since_when_and_why(
    client: Browser, session: Session, team: Team
) -> None:
    frozen = free(session, team)[-1]
    client.sign_in(team.owner)

    page = client.get(f"/monitors/{frozen.id}").text

    assert "<title>job 21 is frozen" in page
    said = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert re.search(r"Not watched since .*, because the plan allows 20\. Pings are kept\.", said)
    assert f'href="{HERE}"' in page
    assert "icons/neutral.svg" in page


def test_the_boxes_show_what_is_watched_and_how_many_may_be(
    client: Browser, session: Session, team: Team
) -> None:
    made = free(session, team)
    client.sign_in(team.mate)

    page = client.get(HERE).text

    assert sorted(ticked(page)) == [m.id for m in made[:FREE]]
    assert "20 of 20 chosen" in page
    assert "Your plan, Free, watches 20 monitors." in page


def test_what_is_ticked_is_watched_and_everybody_hears_what_is_not(
    client: Browser, session: Session, team: Team
) -> None:
    made = free(session, team)
    client.sign_in(team.owner)
    wanted = [m.id for m in made[2:]]

    answer = client.submit(HERE, {"watch": wanted})
    page = client.follow(answer).text

    assert "Saved. 2 watched again, 2 frozen." in page
    assert sorted(ticked(page)) == wanted
    assert [m.status for m in made[:3]] == ["frozen", "frozen", "new"]
    mails = session.query(BillingMail).filter_by(kind="frozen").all()
    assert {mail.address for mail in mails} == {team.owner.email, team.mate.email}
    assert mails[0].letter["names"] == ["job 00", "job 01"]


def test_too_many_are_refused_and_stay_ticked(
    client: Browser, session: Session, team: Team
) -> None:
    made = free(session, team)
    client.sign_in(team.owner)

    page = client.submit(HERE, {"watch": [m.id for m in made]}).text

    assert "You chose 22 monitors, and the plan Free watches 20. Untick 2 of them." in page
    assert len(ticked(page)) == len(made)
    assert watching.count_frozen(session, team.workspace.id) == 2


@pytest.mark.parametrize("watch", ["x", "-1", "99999999999999999999", ""])
def test_what_is_no_monitor_is_refused(
    client: Browser, session: Session, team: Team, watch: str
) -> None:
    free(session, team)
    client.sign_in(team.owner)

    assert client.submit(HERE, {"watch": watch}).status_code == 404


def test_a_monitor_of_strangers_cannot_be_ticked(
    client: Browser, session: Session, team: Team
) -> None:
    free(session, team)
    foreign = make_monitor(session)
    client.sign_in(team.owner)

    assert client.submit(HERE, {"watch": [foreign.id]}).status_code == 404


def test_on_an_own_installation_there_is_no_limit_to_choose_under(
    client: Browser, session: Session, team: Team
) -> None:
    make_monitor(session, team.workspace)
    client.sign_in(team.owner)

    page = client.get(HERE).text

    assert "Your plan has no limit: all are watched." in page
    assert "chosen" not in page


def test_a_workspace_without_monitors_has_nothing_to_choose_from(
    client: Browser, team: Team
) -> None:
    client.sign_in(team.owner)

    assert "Nothing to choose from" in client.get(HERE).text


def test_signing_in_comes_first(app: Flask, session: Session) -> None:
    assert "/sign-in" in another(app).get(HERE).location


def test_the_choice_takes_as_many_queries_for_many_as_for_few(
    client: Browser, session: Session, team: Team, app: Flask
) -> None:
    few = queries(client, session, team.owner, team.workspace, FREE + 1)
    other = make_account(session)
    many = queries(another(app), session, other, make_workspace(session, other), FREE + 40)

    assert few == many


def queries(
    browser: Browser, session: Session, account: Account, workspace: Workspace, count: int
) -> int:
    workspace.plan = PlanName.FREE.value
    for number in range(count):
        make_monitor(session, workspace, f"job {number}")
    watching.fit(session, workspace, utcnow())
    browser.sign_in(account)
    with statements(session) as ran:
        browser.get(HERE)
    return len(ran)


def test_one_monitor_too_many_keeps_what_was_typed_and_names_the_ways_on(
    client: Browser, session: Session, team: Team, sold: None
) -> None:
    free(session, team, FREE)
    client.sign_in(team.owner)

    page = client.submit("/monitors/new", TYPED)

    assert page.status_code == 200
    assert (
        "Your plan, Free, watches 20 monitors and 20 are watched."
        " Pause or delete one, or choose a larger plan under Billing." in page.text
    )
    assert '<a href="/billing">Open Billing</a>' in page.text
    assert 'value="one more"' in page.text
    assert 'value="7 min"' in page.text


def test_a_paused_monitor_without_room_stays_paused_and_says_why(
    client: Browser, session: Session, team: Team, sold: None
) -> None:
    free(session, team, FREE)
    paused = make_monitor(session, team.workspace, status="paused")
    client.sign_in(team.owner)
    here = f"/monitors/{paused.id}"

    page = client.follow(client.send(client.get(here), {}, f"{here}/resume")).text

    assert "Your plan, Free, watches 20 monitors and 20 are watched." in page
    assert '<a href="/billing">Open Billing</a>' in page
    assert "Resumed." not in page
    assert paused.status == "paused"


def test_a_frozen_monitor_can_be_paused(client: Browser, session: Session, team: Team) -> None:
    frozen = free(session, team)[-1]
    client.sign_in(team.owner)
    here = f"/monitors/{frozen.id}"

    client.send(client.get(here), {}, f"{here}/pause")

    assert frozen.status == "paused"
