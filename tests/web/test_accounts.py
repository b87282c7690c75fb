"""Signing up and confirming the address, as people do it."""

from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.models import Account
from tests.builders import PASSWORD
from tests.client import Browser
from tests.web.people import (
    ALICE,
    account_of,
    another,
    confirm_link,
    is_signed_in,
    mail_kinds,
)


def test_who_signs_up_confirms_with_one_button_and_is_signed_in(
    client: Browser, session: Session
) -> None:
    answer = client.submit("/sign-up", ALICE)
    assert "Check your mail" in client.follow(answer).text
    link = confirm_link(account_of(session, "alice@example.org"))

    answer = client.submit(link)

    assert answer.status_code == 303
    assert answer.location == "/monitors"
    assert is_signed_in(client)


def test_opening_the_link_alone_confirms_nothing(client: Browser, session: Session) -> None:
    client.submit("/sign-up", ALICE)
    account = account_of(session, "alice@example.org")

    page = client.get(confirm_link(account))

    assert "Confirm my address" in page.text
    assert account.email_confirmed_at is None


def test_a_link_works_once(client: Browser, session: Session) -> None:
    client.submit("/sign-up", ALICE)
    link = confirm_link(account_of(session, "alice@example.org"))
    client.submit(link)

    answer = client.get(link)

    assert answer.status_code == 410
    assert "used before" in answer.text


def test_in_another_browser_the_link_asks_for_the_password(
    app: Flask, client: Browser, session: Session
) -> None:
    client.submit("/sign-up", ALICE)
    link = confirm_link(account_of(session, "alice@example.org"))
    phone = another(app)

    refused = phone.submit(link, {"password": "not the right one"})
    assert "not the password" in refused.text
    accepted = phone.submit(link, {"password": PASSWORD})

    assert accepted.status_code == 303
    assert is_signed_in(phone)


def test_somebody_elses_sign_up_with_my_address_never_becomes_my_account(
    app: Flask, client: Browser, session: Session
) -> None:
    client.submit("/sign-up", ALICE)
    stranger = another(app)
    stranger.submit("/sign-up", {**ALICE, "password": "what the stranger knows"})

    answer = client.submit(
        confirm_link(account_of(session, "alice@example.org")), {"password": PASSWORD}
    )

    assert answer.status_code == 200
    assert account_of(session, "alice@example.org").email_confirmed_at is None


def test_the_answer_does_not_tell_who_has_an_account(
    app: Flask, client: Browser, session: Session, alice: Account
) -> None:
    known, unknown = client, another(app)

    answers = [
        known.submit("/sign-up", {"email": alice.email, "password": PASSWORD}),
        unknown.submit("/sign-up", {"email": "nobody@example.org", "password": PASSWORD}),
    ]

    assert {(a.status_code, a.location, a.data) for a in answers} == {
        (303, "/check-mail", answers[0].data)
    }
    cookies = []
    for browser in (known, unknown):
        with browser.session_transaction() as cookie:
            cookies.append({name: len(str(value)) for name, value in cookie.items()})
    assert cookies[0] == cookies[1]
    assert mail_kinds(session) == ["already_registered", "confirm_email"]


def test_what_was_typed_stays_beside_the_error(client: Browser) -> None:
    answer = client.submit("/sign-up", {"email": "alice at example.org", "password": PASSWORD})

    assert 'value="alice at example.org"' in answer.text
    assert "This is not an email address" in answer.text
    assert PASSWORD not in answer.text


def test_a_password_that_would_be_guessed_is_refused(client: Browser, session: Session) -> None:
    answer = client.submit("/sign-up", {**ALICE, "password": "password123"})

    assert "one of the first that are tried" in answer.text
    assert mail_kinds(session) == []
