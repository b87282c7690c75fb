"""One's own account."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Account, Member
from tests.builders import PASSWORD, make_account, make_workspace
from tests.client import Browser
from tests.web.people import (
    another,
    is_signed_in,
)
from tests.web.team import Team


def test_changing_the_password_ends_the_other_sessions(
    app: Flask, client: Browser, alice: Account
) -> None:
    phone = another(app)
    client.sign_in(alice)
    phone.sign_in(alice)

    answer = client.submit("/account/password", {"old": PASSWORD, "new": "a fresh pass phrase"})

    assert answer.location == "/account"
    assert is_signed_in(client)
    assert not is_signed_in(phone)


def test_changing_the_password_needs_the_present_one(client: Browser, alice: Account) -> None:
    client.sign_in(alice)

    answer = client.submit(
        "/account/password", {"old": "not the right one", "new": "a fresh pass phrase"}
    )

    assert "This is not your present password." in answer.text
    assert alice.session_epoch == 0


def test_signing_out_everywhere_means_here_too(app: Flask, client: Browser, alice: Account) -> None:
    phone = another(app)
    client.sign_in(alice)
    phone.sign_in(alice)

    client.send(client.get("/account"), {}, "/account/sign-out-everywhere")

    assert not is_signed_in(client)
    assert not is_signed_in(phone)


def test_the_zone_of_the_workspace_can_be_chosen(
    client: Browser, session: Session, alice: Account
) -> None:
    client.sign_in(alice)

    refused = client.submit("/account/time-zone", {"time_zone": "Europe/Berlim"})
    client.submit("/account/time-zone", {"time_zone": "Europe/Berlin"})

    assert "Did you mean Europe/Berlin" in refused.text
    assert 'value="Europe/Berlim"' in refused.text
    member = session.scalars(select(Member).where(Member.account_id == alice.id)).one()
    assert member.workspace.time_zone == "Europe/Berlin"


def test_a_viewer_changes_the_zone_of_nobody(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    client.sign_in(viewer)

    page = client.get("/account")
    answer = client.send(page, {"time_zone": "Europe/Berlin"}, "/account/time-zone")
    session.refresh(team.workspace)

    assert answer.status_code == 403
    assert team.workspace.time_zone == "UTC"
    assert "Times are shown for UTC" in page.text
    assert 'name="time_zone"' not in page.text


def test_the_page_says_what_each_way_to_sign_out_ends(client: Browser, alice: Account) -> None:
    client.sign_in(alice)

    page = " ".join(client.get("/account").text.split())

    assert "“Sign out” makes this browser forget you" in page
    assert "“Sign out everywhere” ends all sessions of this account" in page


def test_each_person_changes_their_own_account_only(
    app: Flask, client: Browser, session: Session, alice: Account
) -> None:
    mate, stranger = make_account(session), make_account(session)
    mates_workspace = make_workspace(session, mate, alice)
    make_workspace(session, stranger)

    for person in (mate, stranger):
        browser = another(app)
        browser.sign_in(person)
        assert person.email in browser.get("/account").text
        browser.submit("/account/time-zone", {"time_zone": "Asia/Tokyo"})
        browser.send(browser.get("/account"), {}, "/account/sign-out-everywhere")

    client.sign_in(alice)
    assert is_signed_in(client)
    alices = session.scalars(select(Member).where(Member.account_id == alice.id)).all()
    zones = {member.workspace_id: member.workspace.time_zone for member in alices}
    assert zones.pop(mates_workspace.id) == "Asia/Tokyo"
    assert set(zones.values()) == {"UTC"}
