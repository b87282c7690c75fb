"""Forms sent in ways that no browser sends them."""

from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from earlywatch import web
from earlywatch.models import Account
from tests.builders import PASSWORD, make_account, make_channel
from tests.client import Browser
from tests.web.team import Team

LONG = "x" * 1001
PAGES = Path(web.__path__[0])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/sign-in", ["email", "password"]),
        ("/sign-up", ["email", "password"]),
        ("/forgot-password", ["email"]),
    ],
)
def test_a_file_is_no_text_to_who_is_signed_out(
    client: Browser, path: str, fields: list[str]
) -> None:
    files = {name: (BytesIO(b"alice@example.org"), "a.txt") for name in fields}

    answer = client.submit(path, files)

    assert answer.status_code == 200
    assert "Fill in" in answer.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/password", ["old", "new"]),
        ("/account/time-zone", ["time_zone"]),
        ("/monitors/new", ["name", "tags", "period", "grace", "time_zone", "kind", "channels"]),
        ("/monitors/preview", ["name", "cron", "oncalendar"]),
        ("/channels/new/email", ["name", "address"]),
        ("/channels/new/slack", ["name", "webhook_url"]),
    ],
)
def test_a_file_is_no_text_to_who_is_signed_in(
    client: Browser, team: Team, path: str, fields: list[str]
) -> None:
    client.sign_in(team.owner)
    page = client.get("/account")

    answer = client.send(page, {name: (BytesIO(b"UTC"), "a.txt") for name in fields}, path)

    assert answer.status_code == 200


def test_a_file_is_no_code(client: Browser, session: Session, team: Team) -> None:
    phone = make_channel(session, team.workspace, "sms", verified=False)
    here = f"/channels/{phone.id}"
    client.sign_in(team.owner)

    answer = client.send(client.get(here), {"code": (BytesIO(b"1"), "a.txt")}, f"{here}/code")

    assert "That is not the code." in answer.text


def test_json_is_no_form(client: Browser, session: Session) -> None:
    account = make_account(session, "alice@example.org", PASSWORD)
    token = client.token(client.get("/sign-in"))

    answer = client.post(
        "/sign-in", json={"email": account.id, "password": 1}, headers={"X-CSRFToken": token}
    )

    assert "Fill in your email address." in answer.text


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/sign-in", {"email": "alice@example.org", "password": LONG}),
        ("/sign-in", {"email": LONG, "password": PASSWORD}),
        ("/sign-up", {"email": "alice@example.org", "password": LONG}),
        ("/account/password", {"old": LONG, "new": PASSWORD}),
        ("/account/time-zone", {"time_zone": LONG}),
    ],
)
def test_a_text_that_is_too_long_is_refused_beside_its_field(
    client: Browser, alice: Account, path: str, data: dict[str, str]
) -> None:
    if path.startswith("/account"):
        client.sign_in(alice)

    answer = client.submit(path, data)

    assert answer.status_code == 200
    assert "Write at most" in answer.text


def test_a_character_that_no_database_can_hold_signs_nobody_in(
    client: Browser, alice: Account
) -> None:
    answer = client.submit("/sign-in", {"email": f"{alice.email}\0", "password": PASSWORD})

    assert answer.status_code == 200
    assert "The email address or the password is not right." in answer.text


def test_every_form_reads_posted_texts_alone() -> None:
    found = [page.name for page in PAGES.glob("*.py") if "import FlaskForm" in page.read_text()]

    assert found == ["forms.py"], "Make it a web.forms.Form."
