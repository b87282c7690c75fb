"""Links and codes that confirm a channel, and the way out for its recipient."""

from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Channel, Delivery
from earlywatch.services.wiring import wiring
from tests.builders import make_channel
from tests.client import Browser
from tests.web.team import Team


def confirm_path(channel: Channel) -> str:
    return urlsplit(wiring().links.confirm_channel(channel, utcnow())).path


def unsubscribe_path(channel: Channel) -> str:
    return urlsplit(wiring().links.unsubscribe(channel, utcnow())).path


@pytest.fixture
def phone(session: Session, team: Team) -> Channel:
    """A phone whose owner has not typed the code yet."""
    return make_channel(session, team.workspace, "sms", verified=False)


def test_opening_the_link_confirms_nothing_pressing_the_button_does(
    client: Browser, session: Session
) -> None:
    channel = make_channel(session, verified=False)
    path = confirm_path(channel)

    page = client.get(path)
    session.refresh(channel)
    before = channel.verified_at
    answer = client.send(page, None, path)
    session.refresh(channel)

    assert "ops@example.org" in page.text
    assert before is None
    assert channel.usable
    assert "Confirmed" in answer.text


def test_a_link_that_is_not_ours_is_refused_with_a_sentence(client: Browser) -> None:
    answer = client.get("/channels/confirm/nonsense")

    assert answer.status_code == 410
    assert "not made by us" in answer.text
    assert "send you a new link" in answer.text


def test_the_confirmation_page_shows_nothing_the_sender_typed(
    client: Browser, session: Session, team: Team
) -> None:
    team.workspace.name = "Cheap pills"
    channel = make_channel(session, team.workspace, name="Buy now", verified=False)

    page = client.get(confirm_path(channel)).text

    assert "Buy now" not in page
    assert "Cheap pills" not in page


def test_a_mail_program_unsubscribes_by_one_post_without_cookie_or_token(
    client: Browser, session: Session
) -> None:
    channel = make_channel(session)
    path = unsubscribe_path(channel)
    one_click = {"List-Unsubscribe": "One-Click"}

    first = client.post(path, data=one_click)
    second = client.post(path, data=one_click)
    session.refresh(channel)

    assert (first.status_code, second.status_code) == (200, 200)
    assert channel.unsubscribed_at is not None
    assert not channel.usable


def test_the_link_of_an_old_address_does_not_stop_the_new_one(
    client: Browser, session: Session
) -> None:
    channel = make_channel(session)
    path = unsubscribe_path(channel)
    channel.config = {"address": "successor@example.org"}
    session.flush()

    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})

    session.refresh(channel)
    assert answer.status_code == 404
    assert channel.unsubscribed_at is None


def test_opening_the_unsubscribe_link_stops_nothing(client: Browser, session: Session) -> None:
    channel = make_channel(session)

    page = client.get(unsubscribe_path(channel)).text
    session.refresh(channel)

    assert "Stop alerts?" in page
    assert channel.usable


def test_the_recipient_can_come_back(client: Browser, session: Session) -> None:
    channel = make_channel(session)
    path = unsubscribe_path(channel)

    page = client.post(path)
    client.send(page, None, path.replace("/unsubscribe/", "/subscribe-again/"))
    session.refresh(channel)

    assert "You are unsubscribed" in page.text
    assert channel.usable


def test_a_wrong_code_is_told_and_counted(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    here = f"/channels/{phone.id}"
    client.sign_in(team.owner)
    page = client.get(here)

    answers = [client.send(page, {"code": "x"}, f"{here}/code").text for _ in range(6)]
    session.refresh(phone)

    assert all("That is not the code." in text for text in answers[:5])
    assert "tried too often" in answers[5]
    assert phone.confirm_guesses == 5
    assert phone.verified_at is None


def test_the_right_code_confirms(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    here = f"/channels/{phone.id}"
    client.sign_in(team.owner)
    page = client.get(here)

    code = wiring().links.confirm_code(phone)
    answer = client.send(page, {"code": code}, f"{here}/code")
    session.refresh(phone)

    assert "Type in the code we sent." in page.text
    assert "Confirmed." in client.follow(answer).text
    assert phone.usable


def test_a_new_code_can_be_asked_for_but_not_in_a_row(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    here = f"/channels/{phone.id}"
    client.sign_in(team.owner)
    page = client.get(here)

    client.send(page, None, f"{here}/confirm-again")
    again = client.follow(client.send(page, None, f"{here}/confirm-again"))

    assert "Try again in" in again.text
    assert session.scalars(select(Delivery.alert)).all() == ["confirm"]
