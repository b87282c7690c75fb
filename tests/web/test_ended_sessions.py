"""What happens to a page that is still open when its session has been ended elsewhere."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Account
from earlywatch.services.accounts import end_sessions
from tests.builders import make_monitor, make_workspace
from tests.client import Browser
from tests.web.people import ALICE

LOST = "You were signed out, so nothing was saved."


def test_a_form_sent_too_late_says_so_and_leads_back_to_it(
    client: Browser, session: Session, alice: Account
) -> None:
    client.sign_in(alice)
    page = client.get("/monitors/new")
    end_sessions(session, alice.id)

    answer = client.send(page, {"name": "nightly backup"}, "/monitors/new")

    assert answer.location == "/sign-in?next=/monitors/new"
    assert LOST in client.follow(answer).text
    assert client.submit(answer.location, ALICE).location == "/monitors/new"


@pytest.mark.parametrize(
    ("referrer", "there"),
    [
        ("http://localhost{here}?before=7", "/sign-in?next={here}?before%3D7"),
        ("", "/sign-in"),
    ],
)
def test_a_button_pressed_too_late_leads_back_to_its_page(
    client: Browser, session: Session, alice: Account, referrer: str, there: str
) -> None:
    monitor = make_monitor(session, make_workspace(session, alice))
    here = f"/monitors/{monitor.id}"
    client.sign_in(alice)
    page = client.get("/account")
    end_sessions(session, alice.id)

    headers = {"Referer": referrer.format(here=here)}
    answer = client.send(page, None, f"{here}/pause", headers=headers)
    session.refresh(monitor)

    assert answer.location == there.format(here=here)
    assert LOST in client.follow(answer).text
    assert monitor.status == "new"


def test_a_page_of_another_site_is_no_way_back(
    client: Browser, session: Session, alice: Account
) -> None:
    client.sign_in(alice)
    page = client.get("/account")
    end_sessions(session, alice.id)

    headers = {"Referer": "http://localhost.evil.example/"}
    answer = client.send(page, None, "/account/sign-out-everywhere", headers=headers)

    assert answer.location == "/sign-in"


def test_a_page_opened_too_late_only_asks_to_sign_in(
    client: Browser, session: Session, alice: Account
) -> None:
    client.sign_in(alice)
    end_sessions(session, alice.id)

    answer = client.get("/monitors")

    assert answer.location == "/sign-in?next=/monitors"
    assert LOST not in client.follow(answer).text
