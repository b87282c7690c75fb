"""The page of fire drills, and the page behind "Got it"."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account, Channel, Delivery, Drill
from earlywatch.services.wiring import wiring
from tests.builders import make_channel, make_monitor
from tests.client import Browser
from tests.web.team import Team

DAY = timedelta(days=1)


@pytest.fixture
def channel(session: Session, team: Team) -> Channel:
    return make_channel(session, team.workspace, name="Team mail")


def start(client: Browser) -> str:
    """Press the button; return the page that comes."""
    answer = client.send(client.get("/drills"), {}, "/drills/start")
    return client.follow(answer).text


def link(delivery: Delivery) -> str:
    return urlsplit(wiring().links.drill(delivery.id, delivery.channel)).path


def test_a_drill_is_started_answered_and_seen(
    client: Browser, session: Session, team: Team, channel: Channel
) -> None:
    client.sign_in(team.mate)

    page = start(client)
    delivery = session.scalars(select(Delivery)).one()
    client.sign_out()
    seen = client.get(link(delivery))
    session.refresh(delivery)
    before = delivery.answered_at
    thanks = client.post(link(delivery))
    client.sign_in(team.owner)
    after = client.get("/drills").text

    assert "0 of 1 answered" in page
    assert f"by {team.mate.email}" in page
    assert "Nothing is wrong" in seen.text
    assert "Set-Cookie" not in seen.headers
    assert before is None
    assert "Thank you" in thanks.text
    assert "1 of 1 answered" in after
    assert "Got it" in after
    assert "last proven" in client.get("/channels").text
    assert "last proven" in client.get(f"/channels/{channel.id}").text


def test_a_channel_nobody_has_answered_on_is_said_to_be_never_proven(
    client: Browser, team: Team, channel: Channel
) -> None:
    client.sign_in(team.owner)

    assert "never proven" in client.get("/channels").text
    assert "never proven" in client.get(f"/channels/{channel.id}").text


def test_a_second_drill_has_to_wait(client: Browser, team: Team, channel: Channel) -> None:
    client.sign_in(team.owner)

    start(client)

    assert "Try again in 10 min" in start(client)


def test_without_a_channel_nothing_is_started(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    assert "No channel works" in start(client)
    assert session.scalars(select(Drill)).all() == []


def test_the_weekly_drill_is_switched_on_and_off(
    client: Browser, session: Session, team: Team, channel: Channel
) -> None:
    client.sign_in(team.owner)

    page = client.get("/drills")
    client.send(page, {"weekly": "y"}, "/drills/weekly")
    session.refresh(team.workspace)
    on, shown = team.workspace.drill_weekly, client.get("/drills").text
    client.send(page, {"weekly": ""}, "/drills/weekly")
    session.refresh(team.workspace)

    assert on
    assert "The next one:" in shown
    assert not team.workspace.drill_weekly


def test_who_may_only_look_starts_nothing(
    client: Browser, session: Session, viewer: Account, channel: Channel
) -> None:
    client.sign_in(viewer)
    page = client.get("/drills")

    for path in ("/drills/start", "/drills/weekly"):
        assert client.send(page, {}, path).status_code == 403
    assert 'id="start"' not in page.text
    assert session.scalars(select(Drill)).all() == []


def test_a_stranger_sees_nothing_of_the_drills_of_others(
    client: Browser, team: Team, channel: Channel
) -> None:
    client.sign_in(team.owner)
    start(client)

    client.sign_in(team.stranger)

    assert "No drill yet" in client.get("/drills").text


def test_a_link_that_does_not_hold_is_refused_with_a_sentence(
    client: Browser, session: Session, team: Team, channel: Channel
) -> None:
    client.sign_in(team.owner)
    start(client)
    delivery = session.scalars(select(Delivery)).one()
    path = link(delivery)
    channel.config = {"address": "successor@example.org"}
    session.flush()

    for answer in (client.get(path), client.post(path), client.get("/drills/answer/nonsense")):
        assert answer.status_code == 410
        assert "This link does not work any more" in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_channel_not_proven_for_long_is_a_quiet_line(
    client: Browser, session: Session, team: Team, channel: Channel
) -> None:
    make_monitor(session, team.workspace, channels=[channel])
    client.sign_in(team.owner)
    before = client.get("/monitors").text

    channel.verified_at = utcnow() - 31 * DAY
    session.flush()

    said = "Team mail has not been proven for 30 days"
    assert said not in before
    for page in ("/monitors", "/channels", "/drills"):
        assert said in client.get(page).text
