"""The mailbox of an installation without mail server, and who may look into it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from earlywatch.clients.mail import Mail, Mailer
from earlywatch.clients.mailbox import list_mailbox
from earlywatch.config import Settings
from tests.client import Browser
from tests.web.conftest import MakeSite

LETTER = Mail(
    id="letter-1",
    to="alice@example.org",
    subject="nightly backup is late",
    text="It was expected at 05:17.\nSee http://localhost/incidents/7\n",
    html='<html><head></head><body><a href="http://localhost/incidents/7">Open</a></body></html>',
)


@pytest.fixture(autouse=True)
def _emptied(settings: Settings) -> None:
    """Other tests of this process may have sent something."""
    shutil.rmtree(settings.mailbox_dir, ignore_errors=True)


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Path]:
    """A mailbox with one letter in it, empty afterwards."""
    directory = settings.mailbox_dir
    Mailer(None, settings.mail_from, directory).send(LETTER)
    yield directory
    shutil.rmtree(directory)


def test_an_empty_mailbox_says_how_to_send_to_people(client: Browser) -> None:
    front = client.get("/")
    page = client.get("/mailbox")

    assert 'href="/mailbox"' in front.text
    assert "No mail yet" in page.text
    assert "SMTP_URL" in page.text


def test_a_mail_is_shown_with_links_to_follow(client: Browser, mailbox: Path) -> None:
    [mail] = list_mailbox(mailbox)

    listed = client.get("/mailbox")
    page = client.get(f"/mailbox/{mail.name}")

    assert "nightly backup is late" in listed.text
    assert f'href="/mailbox/{mail.name}"' in listed.text
    assert '<a href="http://localhost/incidents/7" rel="noopener">' in page.text
    assert "alice@example.org" in page.text


def test_the_html_of_a_mail_may_do_nothing_but_look_good(client: Browser, mailbox: Path) -> None:
    [mail] = list_mailbox(mailbox)

    frame = client.get(f"/mailbox/{mail.name}/html")

    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-top-navigation-by-user-activation" in policy
    assert "script" not in policy
    assert "frame-ancestors 'self'" in policy
    assert '<base target="_top">' in frame.text


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc%2fpasswd", "20261120T051703000000-0"])
def test_a_mail_that_is_not_there_is_not_found(client: Browser, mailbox: Path, name: str) -> None:
    assert client.get(f"/mailbox/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/mailbox", "/mailbox/x", "/mailbox/x/html"])
def test_nobody_elsewhere_can_look_into_it(client: Browser, mailbox: Path, path: str) -> None:
    from_elsewhere = client.get(path, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    through_a_proxy = client.get(path, headers={"X-Forwarded-For": "127.0.0.1"})

    assert from_elsewhere.status_code == 404
    assert through_a_proxy.status_code == 404
    assert "nightly backup" not in from_elsewhere.text
    assert 'href="/mailbox"' not in from_elsewhere.text


@pytest.mark.parametrize("path", ["/mailbox", "/mailbox/{}", "/mailbox/{}/html"])
@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "192.0.2.7", ""])
def test_a_stranger_s_page_that_calls_our_address_its_own_sees_nothing(
    client: Browser, mailbox: Path, path: str, host: str
) -> None:
    [mail] = list_mailbox(mailbox)

    assert client.get(path.format(mail.name), headers={"Host": host}).status_code == 404


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_whoever_sits_at_the_machine_may_look(client: Browser, mailbox: Path, host: str) -> None:
    assert "nightly backup" in client.get("/mailbox", headers={"Host": host}).text


def test_a_site_that_is_reached_from_outside_has_no_mailbox(
    make_site: MakeSite, mailbox: Path
) -> None:
    # A proxy on the same machine may say neither who asks nor what for.
    app = make_site(base_url="https://watch.example.org", redis_url=None)

    seen = app.test_client().get("/mailbox", headers={"Host": "127.0.0.1:8000"})

    assert seen.status_code == 404


def test_with_a_mail_server_there_is_no_mailbox(make_site: MakeSite) -> None:
    app = make_site(smtp_url="smtp://127.0.0.1:25", redis_url=None)

    assert app.test_client().get("/mailbox").status_code == 404
