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
