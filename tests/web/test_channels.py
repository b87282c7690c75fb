"""The list of channels and the page of one; adding, editing, testing, deleting."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.sms import Sms
from earlywatch.clock import utcnow
from earlywatch.domain.plans import PlanName
from earlywatch.models import Account, Channel, Delivery
from earlywatch.services.monitors import channels_of
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_channel, make_delivery, make_incident, make_monitor
from tests.client import Browser
from tests.statements import statements
from tests.web.team import Team

MAIL = {"address": "Team@Example.org", "name": "", "is_default": "y"}


def alerts(session: Session) -> list[str]:
    return list(session.scalars(select(Delivery.alert).order_by(Delivery.id)))


def test_the_list_says_how_each_channel_is(client: Browser, session: Session, team: Team) -> None:
    make_channel(session, team.workspace, name="good")
    make_channel(session, team.workspace, name="fresh", verified=False)
    make_channel(session, team.workspace, "slack", broken_at=utcnow(), broken_reason="It is gone.")
    make_channel(session, team.workspace, unsubscribed_at=utcnow())
    client.sign_in(team.mate)

    page = client.get("/channels").text

    for words in ("Works", "Waiting for confirmation", "Broken", "It is gone.", "Unsubscribed"):
        assert words in page
    assert "https://hooks.slack.com" not in page


def test_a_channel_is_added_and_waits_for_its_recipient(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)

    answer = client.submit("/channels/new/email", {**MAIL, "everywhere": "y"})
    shown = client.follow(answer).text

    channel = session.scalars(select(Channel)).one()
    assert (channel.name, channel.verified_at, channel.is_default) == (
        "Team@example.org",
        None,
        True,
    )
    assert channels_of(session, monitor) == [channel]
    assert alerts(session) == ["confirm"]
    assert "Open the link we sent there." in shown


def test_boxes_that_are_not_ticked_count(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)

    client.submit("/channels/new/email", {"address": "a@example.org", "name": "Mail"})

    channel = session.scalars(select(Channel)).one()
    assert (channel.name, channel.is_default) == ("Mail", False)
    assert channels_of(session, monitor) == []


def test_a_target_that_makes_no_sense_is_refused_beside_its_field(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    page = client.submit("/channels/new/email", {"address": "nobody", "name": "Mail"}).text

    assert 'id="address-error"' in page
    assert 'value="nobody"' in page
    assert session.scalars(select(Channel)).all() == []


def test_text_messages_are_explained_where_they_are_not_set_up(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)

    assert "SMS is not set up on this installation." in client.get("/channels").text
    assert client.get("/channels/new/sms").status_code == 404
    assert client.get("/channels/new/pigeon").status_code == 404


@pytest.fixture
def texting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up text messages on this installation; none is sent."""
    wiring = app.extensions[EXTENSION]
    sms = Sms(wiring.doors.http, "AC1", "token", "+15005550006", "http://127.0.0.1:1")
    with_sms = replace(wiring, doors=replace(wiring.doors, sms=sms))
    monkeypatch.setitem(app.extensions, EXTENSION, with_sms)


def test_text_messages_are_offered_where_they_are_set_up(
    client: Browser, team: Team, texting: None
) -> None:
    client.sign_in(team.owner)

    assert "/channels/new/sms" in client.get("/channels").text
    assert client.get("/channels/new/sms").status_code == 200


@pytest.mark.parametrize("presses", [True, False])
def test_whose_slack_app_it_is_is_asked_only_where_presses_reach_us(
    app: Flask, client: Browser, team: Team, monkeypatch: pytest.MonkeyPatch, presses: bool
) -> None:
    wired = app.extensions[EXTENSION]
    doors = replace(wired.doors, slack_buttons=presses)
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, doors=doors))
    client.sign_in(team.owner)

    assert ('name="own_app"' in client.get("/channels/new/slack").text) is presses


def test_a_plan_without_text_messages_says_so_and_keeps_what_was_typed(
    client: Browser, session: Session, team: Team, texting: None
) -> None:
    team.workspace.plan = PlanName.FREE.value
    client.sign_in(team.owner)

    page = client.submit("/channels/new/sms", {"phone_number": "+49 1511 2345678"}).text

    assert "Your plan, Free, includes no SMS and no calls." in page
    assert 'value="+49 1511 2345678"' in page
    assert session.scalars(select(Channel)).all() == []


def test_a_test_is_sent_and_its_outcome_is_shown(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace)
    here = f"/channels/{channel.id}"
    client.sign_in(team.mate)

    answer = client.send(client.get(here), None, f"{here}/test")
    waiting = client.follow(answer).text
    delivery = session.scalars(select(Delivery)).one()
    delivery.state, delivery.sent_at, delivery.answer = "sent", utcnow(), "250 Ok"
    done = client.get(here).text

    assert alerts(session) == ["test"]
    assert "Waiting" in waiting
    assert "250 Ok" in done


def test_tests_in_a_row_are_refused_with_a_sentence(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace)
    here = f"/channels/{channel.id}"
    client.sign_in(team.owner)
    page = client.get(here)

    client.send(page, None, f"{here}/test")
    again = client.follow(client.send(page, None, f"{here}/test"))

    assert "Try again in" in again.text
    assert alerts(session) == ["test"]


def test_a_channel_that_is_not_confirmed_offers_no_test(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, verified=False)
    client.sign_in(team.owner)

    page = client.get(f"/channels/{channel.id}").text

    assert "Send a test" not in page
    assert "Send a new link" in page


def test_the_page_asks_a_fixed_number_of_queries(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace)
    for number in range(6):
        monitor = make_monitor(session, team.workspace, f"monitor {number}", channels=[channel])
        make_delivery(session, channel, make_incident(session, monitor))
    client.sign_in(team.owner)

    with statements(session) as ran:
        page = client.get(f"/channels/{channel.id}").text

    assert "Used by 6 monitors" in page
    assert 0 < len(ran) <= 9


def test_a_new_target_must_be_confirmed_anew(client: Browser, session: Session, team: Team) -> None:
    channel = make_channel(session, team.workspace, name="Mail")
    client.sign_in(team.owner)

    answer = client.submit(f"/channels/{channel.id}/edit", {**MAIL, "name": "Mail"})
    session.refresh(channel)

    assert "must be confirmed anew" in client.follow(answer).text
    assert channel.verified_at is None
    assert alerts(session) == ["confirm"]


def test_deleting_names_the_monitors_that_would_tell_nobody(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, name="Team mail")
    other = make_channel(session, team.workspace)
    make_monitor(session, team.workspace, "left alone", channels=[channel])
    make_monitor(session, team.workspace, "in company", channels=[channel, other])
    here = f"/channels/{channel.id}/delete"
    client.sign_in(team.owner)

    page = client.get(here).text
    answer = client.submit(here)

    assert "left alone" in page
    assert "in company" not in page
    assert "Team mail is deleted" in client.follow(answer).text
    assert session.scalars(select(Channel)).all() == [other]


@pytest.mark.parametrize("action", ["edit", "delete", "test", "confirm-again", "code"])
def test_strangers_and_viewers_change_no_channel(
    client: Browser, session: Session, team: Team, viewer: Account, action: str
) -> None:
    channel = make_channel(session, team.workspace, name="Mail")
    here = f"/channels/{channel.id}"

    client.sign_in(team.stranger)
    stranger = client.send(client.get("/channels"), MAIL, f"{here}/{action}")
    client.sign_in(viewer)
    looking = client.send(client.get(here), MAIL, f"{here}/{action}")

    assert stranger.status_code == 404
    assert looking.status_code == 403
    assert alerts(session) == []
    assert session.scalars(select(Channel.name)).all() == ["Mail"]


def test_strangers_see_no_channel(client: Browser, session: Session, team: Team) -> None:
    channel = make_channel(session, team.workspace, name="of the team alone")
    client.sign_in(team.stranger)

    assert "of the team alone" not in client.get("/channels").text
    assert client.get(f"/channels/{channel.id}").status_code == 404


def test_viewers_add_no_channel(client: Browser, team: Team, viewer: Account) -> None:
    client.sign_in(viewer)

    assert client.get("/channels/new/email").status_code == 403
