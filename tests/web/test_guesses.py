"""Guessing passwords, and signing in often, in ways that try the limits."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.services import passwords
from tests.builders import PASSWORD, make_account
from tests.client import Browser
from tests.web.conftest import MakeSite
from tests.web.people import ALICE, another, confirm_link

AT_ONCE = 20


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> ExitStack:
    """While it is open as many passwords are being hashed as may be, and nobody waits long."""
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)
    stack = ExitStack()
    stack.enter_context(passwords._turn())
    stack.enter_context(passwords._turn())
    return stack


def guess(site: Flask, start: Barrier) -> int:
    browser = another(site)
    data = {"email": "nobody@example.org", "password": "not the right one"}
    data["csrf_token"] = browser.token(browser.get("/sign-in"))
    start.wait()
    return browser.post("/sign-in", data=data).status_code


@pytest.mark.parametrize("redis", [True, False])
def test_guessing_all_at_once_is_no_way_around_the_limit(
    client: Browser, make_site: MakeSite, redis: bool
) -> None:
    site = make_site() if redis else make_site(redis_url=None)
    start = Barrier(AT_ONCE)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = [threads.submit(guess, site, start) for _ in range(AT_ONCE)]
    tried = sorted(answer.result() for answer in answers)

    assert tried == [200] * 5 + [429] * (AT_ONCE - 5)


def test_a_busy_moment_is_told_beside_the_password(
    app: Flask, client: Browser, session: Session, busy: ExitStack
) -> None:
    account = make_account(session, ALICE["email"], confirmed=False)

    with busy:
        answer = client.submit(confirm_link(account), {"password": PASSWORD})

    assert answer.status_code == 200
    assert "Too many people are signing in at this moment." in answer.text
    assert "Confirm my address" in answer.text
