"""Signing in and out."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account
from tests.builders import PASSWORD, make_account
from tests.client import Browser
from tests.web.people import (
    ALICE,
    another,
    confirm_link,
    is_signed_in,
    mail_kinds,
)


def test_the_right_password_leads_to_the_monitors(client: Browser, alice: Account) -> None:
    answer = client.submit("/sign-in", {**ALICE, "email": " Alice@Example.org"})

    assert answer.status_code == 303
    assert answer.location == "/monitors"
    assert is_signed_in(client)


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org", "no address"])
def test_a_wrong_password_reads_the_same_for_everybody(
    client: Browser, alice: Account, email: str
) -> None:
    answer = client.submit("/sign-in", {"email": email, "password": "not the right one"})

    assert answer.status_code == 200
    assert "The email address or the password is not right." in answer.text
    assert not is_signed_in(client)


def test_only_who_asked_for_it_stays_signed_in(client: Browser, alice: Account) -> None:
    for_now = client.submit("/sign-in", ALICE)
    client.sign_out()
    for_long = client.submit("/sign-in", {**ALICE, "remember": "y"})

    assert "Expires" not in for_now.headers["Set-Cookie"]
    assert "Expires" in for_long.headers["Set-Cookie"]


def test_the_cookie_of_who_stays_signed_in_is_renewed_once_a_day(
    client: Browser, alice: Account
) -> None:
    client.submit("/sign-in", {**ALICE, "remember": "y"})
    client.get("/account")

    with time_machine.travel(utcnow() + timedelta(days=20), tick=False):
        renewed = client.get("/account")
        again = client.get("/account")
        file = client.get("/static/css/base.css")
    with time_machine.travel(utcnow() + timedelta(days=49), tick=False):
        still_there = client.get("/account")

    assert "Set-Cookie" in renewed.headers
    assert "Set-Cookie" not in again.headers
    assert "Set-Cookie" not in file.headers
    assert still_there.status_code == 200


def test_an_unconfirmed_account_gets_its_link_again(client: Browser, session: Session) -> None:
    account = make_account(session, "alice@example.org", PASSWORD, confirmed=False)

    answer = client.submit("/sign-in", ALICE)

    assert answer.location == "/check-mail"
    assert mail_kinds(session) == ["confirm_email"]
    assert client.submit(confirm_link(account)).status_code == 303
    assert is_signed_in(client)


def test_after_signing_in_the_page_asked_for_is_shown(client: Browser, alice: Account) -> None:
    asked = client.get("/account")
    assert asked.location == "/sign-in?next=/account"

    assert client.submit(asked.location, ALICE).location == "/account"


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "http:evil.example",
    ],
)
def test_signing_in_never_leads_to_another_site(
    client: Browser, alice: Account, there: str
) -> None:
    answer = client.post("/sign-in", query_string={"next": there}, data=signed(client, ALICE))

    assert answer.location == "/monitors"


def signed(browser: Browser, data: dict[str, str]) -> dict[str, str]:
    return {**data, "csrf_token": browser.token(browser.get("/sign-in"))}


def test_five_wrong_passwords_a_minute_are_enough(client: Browser, alice: Account) -> None:
    for _ in range(5):
        client.submit("/sign-in", {**ALICE, "password": "not the right one"})

    answer = client.submit("/sign-in", ALICE)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert "Too many tries" in answer.text


def test_a_stranger_locks_nobody_out(app: Flask, client: Browser, alice: Account) -> None:
    wrong = {**ALICE, "password": "not the right one"}
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    tries = [client.submit("/sign-in", wrong, environ_base=stranger).status_code for _ in range(6)]

    assert tries == [200] * 5 + [429]
    assert another(app).submit("/sign-in", ALICE).status_code == 303


def test_nor_from_asking_for_a_new_password(app: Flask, client: Browser, alice: Account) -> None:
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    tries = [
        client.submit("/forgot-password", ALICE, environ_base=stranger).status_code
        for _ in range(6)
    ]

    assert tries == [303] * 5 + [429]
    assert another(app).submit("/forgot-password", ALICE).status_code == 303


def test_guessing_from_everywhere_is_slowed_down_too(client: Browser, alice: Account) -> None:
    page, nothing = client.get("/sign-in"), {**ALICE, "password": ""}

    tries = [
        client.send(
            page, nothing, "/sign-in", environ_base={"REMOTE_ADDR": f"203.0.113.{number}"}
        ).status_code
        for number in range(101)
    ]

    assert tries == [200] * 100 + [429]


def test_signing_in_often_is_no_offence(client: Browser, alice: Account) -> None:
    for _ in range(7):
        assert client.submit("/sign-in", ALICE).status_code == 303
        client.sign_out()


def test_many_addresses_from_one_place_are_slowed_down_too(client: Browser) -> None:
    for number in range(10):
        client.submit("/sign-in", {**ALICE, "email": f"person{number}@example.org"})

    assert client.submit("/sign-in", ALICE).status_code == 429


def test_signing_out_ends_the_session(client: Browser, alice: Account) -> None:
    client.sign_in(alice)
    assert client.get("/sign-out").status_code == 405

    page = client.get("/account")
    client.send(page, {}, "/sign-out")

    assert not is_signed_in(client)


def test_a_part_of_an_open_page_makes_the_whole_page_ask(client: Browser) -> None:
    answer = client.get(
        "/account",
        headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/account?a=1"},
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/account?a%3D1"
