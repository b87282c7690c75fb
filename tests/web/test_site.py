"""The front page, the documentation and the change log."""

import pytest

from earlywatch import __version__
from earlywatch.models import Account
from tests.client import Browser


@pytest.mark.parametrize(
    "name",
    [
        *("index", "pinging", "anywhere", "alerts", "escalation", "down"),
        *("billing", "promises", "export", "self-hosting"),
    ],
)
def test_the_documentation_is_for_everybody(client: Browser, name: str) -> None:
    path = "/docs" if name == "index" else f"/docs/{name}"

    assert client.get(path).status_code == 200
    assert f'href="{path}"' in client.get("/docs").text


@pytest.mark.parametrize("path", ["/docs/layout", "/docs/nothing", "/docs/..%2Fbase"])
def test_other_templates_are_no_documentation(client: Browser, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_version_tells_what_changed(client: Browser) -> None:
    answer = client.get("/version")

    assert answer.mimetype == "text/plain"
    assert answer.text.startswith(f"Earlywatch {__version__}\n")


def test_the_front_page_leads_members_to_their_monitors(client: Browser, alice: Account) -> None:
    assert "Hear about the job that did not run" in client.get("/").text

    client.sign_in(alice)

    assert client.get("/").location == "/monitors"


def test_pages_for_members_ask_strangers_to_sign_in(client: Browser) -> None:
    answer = client.get("/account")

    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/account"
