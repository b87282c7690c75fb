"""What people see of an outage of ours: on their pages while it lasts, and on a public one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from earlywatch.domain.schedule import Interval
from earlywatch.models import Account, Monitor, Outage
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_account, make_monitor, make_workspace
from tests.client import Browser

MINUTE = timedelta(minutes=1)
BANNER = "We cannot hear pings since"


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch, now: datetime) -> datetime:
    """The present of the site."""
    monkeypatch.setattr("earlywatch.app.utcnow", lambda: now)
    return now


@pytest.fixture
def deaf(session: Session, moment: datetime) -> datetime:
    """When an outage began that lasts."""
    began = moment - 10 * MINUTE
    session.add(Outage(cause="intake", began_at=began, noticed_at=began + MINUTE))
    session.flush()
    return began


@pytest.fixture
def due(session: Session, moment: datetime, client: Browser) -> Monitor:
    """A monitor that is waited for, and the browser of who owns it."""
    owner = make_account(session)
    client.sign_in(owner)
    at = moment - MINUTE
    times: dict[str, Any] = {"last_ping_at": at - MINUTE, "expected_at": at}
    return make_monitor(
        session,
        make_workspace(session, owner),
        schedule=Interval(MINUTE),
        grace=timedelta(seconds=30),
        status="up",
        deadline_at=at + timedelta(seconds=30),
        **times,
    )


def test_while_we_cannot_hear_pages_say_so_and_what_is_waited_for_is_unknown(
    client: Browser, due: Monitor, deaf: datetime
) -> None:
    board, page = client.get("/monitors"), client.get(f"/monitors/{due.id}")

    assert BANNER in board.text
    assert "Your monitor is unknown" in board.text
    assert "badge-unknown" in board.text
    assert "A ping may have been sent, but we cannot hear." in page.text
    assert due.name in client.get("/monitors?status=unknown").text
    assert "No monitor fits" in client.get("/monitors?status=due").text


def test_while_we_can_hear_no_page_speaks_of_it(client: Browser, due: Monitor) -> None:
    board = client.get("/monitors")

    assert BANNER not in board.text
    assert "badge-due" in board.text
    assert "No monitor fits" in client.get("/monitors?status=unknown").text


def test_the_public_page_says_how_we_are_now(client: Browser, deaf: datetime) -> None:
    page = client.get("/status")

    assert page.status_code == 200
    assert "We cannot hear pings" in page.text
    assert "05:07:03 UTC" in page.text
    assert "for 10 min" in page.text


def test_the_public_page_shows_the_exact_spans_of_ninety_days(
    client: Browser, session: Session, moment: datetime
) -> None:
    for days, minutes in ((1, 11), (89, 3), (91, 7)):
        began = moment - timedelta(days=days)
        ended = began + minutes * MINUTE
        session.add(
            Outage(cause="clock", began_at=began, noticed_at=began, ended_at=ended, moved_at=ended)
        )
    session.flush()

    page = client.get("/status")

    assert "We hear pings" in page.text
    assert "Thu 19 Nov, 05:17:03" in page.text
    assert "Thu 19 Nov, 05:28:03" in page.text
    assert ("11 min" in page.text, "3 min" in page.text, "7 min" in page.text) == (
        True,
        True,
        False,
    )


def test_without_an_outage_the_public_page_says_none(client: Browser, session: Session) -> None:
    session.execute(delete(Outage))

    page = client.get("/status")

    assert "We hear pings" in page.text
    assert "None." in page.text


@pytest.fixture
def operator(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> Account:
    """A person whom the settings name."""
    wired = app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"operator_emails": ("ops@example.org",)})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, settings=settings))
    return make_account(session, "ops@example.org")


def test_operators_see_the_outage_and_the_canary(
    client: Browser, operator: Account, deaf: datetime
) -> None:
    client.sign_in(operator)

    page = client.get("/operators/hearing")

    assert "We cannot hear since" in page.text
    assert "Heard last" in page.text
    assert "lasts" in page.text


def test_for_others_there_is_no_page_of_operators(client: Browser, due: Monitor) -> None:
    assert client.get("/operators/hearing").status_code == 404
