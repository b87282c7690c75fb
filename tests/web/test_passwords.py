"""Forgotten passwords."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Account
from tests.client import Browser
from tests.web.people import (
    confirm_link,
    is_signed_in,
    mail_kinds,
    reset_link,
)


def test_a_forgotten_password_is_replaced_by_mail(
    client: Browser, session: Session, alice: Account
) -> None:
    asked = client.submit("/forgot-password", {"email": "ALICE@example.org"})
    assert asked.location == "/check-mail"
    assert mail_kinds(session) == ["reset_password"]
    link = reset_link(alice)

    assert "Set the password" in client.get(link).text
    answer = client.submit(link, {"password": "a fresh pass phrase"})

    assert answer.location == "/monitors"
    assert is_signed_in(client)
    assert client.get(link).status_code == 410


def test_a_reset_of_an_unknown_address_reads_the_same(client: Browser, session: Session) -> None:
    answer = client.submit("/forgot-password", {"email": "nobody@example.org"})

    assert answer.status_code == 303
    assert answer.location == "/check-mail"
    assert mail_kinds(session) == []


def test_a_reset_refuses_a_bad_password_and_keeps_the_link(client: Browser, alice: Account) -> None:
    link = reset_link(alice)

    answer = client.submit(link, {"password": "short"})

    assert "at least 10 characters" in answer.text
    assert client.submit(link, {"password": "a fresh pass phrase"}).status_code == 303


@pytest.mark.parametrize("path", ["/confirm-email/x", "/reset-password/x.y.z"])
def test_a_link_that_is_not_ours_is_refused(client: Browser, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 410
    assert "not complete or was not made by us" in answer.text


def test_a_link_for_one_thing_does_not_do_another(client: Browser, alice: Account) -> None:
    token = confirm_link(alice).rpartition("/")[2]

    assert client.get(f"/reset-password/{token}").status_code == 410
