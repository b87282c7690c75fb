"""Headers, cookies, forms and static files."""

import pytest
from flask import Flask, request, url_for
from sqlalchemy.orm import Session

from earlywatch.app import create_app
from earlywatch.config import ConfigError, Settings
from earlywatch.services.links import Links
from tests.builders import PASSWORD, make_account, make_workspace
from tests.client import Browser
from tests.web.conftest import MakeSite


@pytest.fixture
def over_tls(make_site: MakeSite) -> Browser:
    """A browser of a site that is reached over https, behind one proxy."""
    app = make_site(base_url="https://watch.example.org", trusted_proxies=1, redis_url=None)
    app.add_url_rule("/who", view_func=lambda: [request.scheme, request.remote_addr])
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def test_a_page_may_run_and_load_only_what_is_ours(client: Browser) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/static/css/base.css", "/version"])
def test_every_answer_carries_the_headers(client: Browser, path: str) -> None:
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Content-Security-Policy" in headers
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(client: Browser) -> None:
    cookie = client.get("/sign-in").headers["Set-Cookie"]

    assert cookie.startswith("earlywatch=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_tls_the_cookie_is_bound_to_it(over_tls: Browser) -> None:
    answer = over_tls.get("/sign-in", base_url="https://watch.example.org")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-earlywatch=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_addresses_are_taken_from_as_many_proxies_as_are_trusted(over_tls: Browser) -> None:
    passed_on = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}

    assert over_tls.get("/who", headers=passed_on).json == ["https", "198.51.100.7"]


@pytest.mark.parametrize(
    "path", ["/sign-up", "/sign-in", "/sign-out", "/forgot-password", "/account/password"]
)
def test_a_form_of_another_site_is_refused(client: Browser, session: Session, path: str) -> None:
    account = make_account(session, "alice@example.org", PASSWORD)
    client.sign_in(account)

    answer = client.post(path, data={"email": "alice@example.org", "password": PASSWORD})

    assert answer.status_code == 400
    assert "This form could not be sent" in answer.text
    assert client.get("/account").status_code == 200


def test_the_token_of_somebody_elses_page_is_worth_nothing(
    app: Flask, client: Browser, session: Session
) -> None:
    other = app.test_client()
    assert isinstance(other, Browser)
    stolen = other.token(other.get("/sign-in"))
    client.get("/sign-in")

    answer = client.post("/sign-up", data={"csrf_token": stolen})

    assert answer.status_code == 400


def test_pages_are_kept_by_nobody_but_the_browser(client: Browser) -> None:
    assert client.get("/").headers["Cache-Control"] == "private, no-cache"


def test_files_with_a_version_are_kept_for_a_year(app: Flask, client: Browser) -> None:
    with app.test_request_context():
        address = url_for("static", filename="css/base.css")

    assert "?v=" in address
    assert "max-age=31536000" in client.get(address).headers["Cache-Control"]
    assert "max-age=3600" in client.get("/static/css/base.css").headers["Cache-Control"]


def test_a_form_has_a_size(client: Browser) -> None:
    page = client.get("/sign-up")

    answer = client.send(page, {"email": "x" * 300_000}, "/sign-up")

    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_the_links_in_mails_lead_to_pages(app: Flask, client: Browser, session: Session) -> None:
    account = make_account(session)
    make_workspace(session, account)
    links = Links("", "for the tests alone")
    adapter = app.url_map.bind("localhost")
    now = account.created_at

    made = [
        links.sign_in(),
        links.confirm_email(account, now),
        links.reset_password(account, now),
    ]

    assert [adapter.match(link)[0] for link in made] == [
        "accounts.sign_in",
        "accounts.confirm_email",
        "passwords.reset_password",
    ]


@pytest.mark.parametrize("name", ["database_url", "secret_key"])
def test_the_site_says_which_setting_it_misses(settings: Settings, name: str) -> None:
    lacking = Settings(**{**settings.model_dump(), name: None})

    with pytest.raises(ConfigError, match=f"^{name.upper()} is missing: .+"):
        create_app(lacking)
