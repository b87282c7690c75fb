"""What people see when something is missing, refused, or gone."""

from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.db import Base, db
from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.setting_values import DRIVER
from tests.builders import make_account
from tests.client import Browser
from tests.web.conftest import MakeSite


def browse(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def test_an_unknown_address_is_a_page(client: Browser, session: Session) -> None:
    account = make_account(session)
    client.sign_in(account)

    answer = client.get("/nothing-here")

    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text
    assert account.email in answer.text


def test_a_wrong_method_names_the_right_ones(client: Browser) -> None:
    answer = client.get("/sign-out")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_expected_errors_become_their_sentence(make_site: MakeSite, client: Browser) -> None:
    app = make_site(redis_url=None)

    @app.route("/missing")
    def missing() -> str:
        raise NotFound("There is no such monitor.")

    @app.route("/refused")
    def refused() -> str:
        raise EarlywatchError("The grace must be shorter.")

    with app.app_context():
        assert browse(app).get("/missing").status_code == 404
        answer = browse(app).get("/refused")

    assert answer.status_code == 400
    assert "The grace must be shorter." in answer.text


def test_a_bug_is_a_page_that_says_whose_fault_it_is(make_site: MakeSite, client: Browser) -> None:
    app = make_site(redis_url=None)

    @app.route("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    with app.app_context():
        answer = browse(app).get("/broken")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text


def test_without_a_database_pages_say_so_and_recover(make_site: MakeSite, tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path, durable=False)
    with postgres:
        url = postgres.url.replace("postgresql://", DRIVER)
        app = make_site(redis_url=None, database_url=url)
        with app.app_context():
            Base.metadata.create_all(db.engine)
            account = make_account(db.session())
            db.session.commit()
            browser = browse(app)
            browser.sign_in(account)
            assert browser.get("/account").status_code == 200
            db.session.remove()
    with app.app_context():
        gone = browser.get("/account")
    with postgres, app.app_context():
        back = browser.get("/account")
        db.session.remove()

    assert gone.status_code == 503
    assert gone.headers["Retry-After"] == "10"
    assert "cannot reach its database" in gone.text
    assert back.status_code == 200


def test_without_redis_pages_and_limits_go_on(
    make_site: MakeSite, session: Session, tmp_path: Path
) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    with valkey:
        app = make_site(redis_url=valkey.url)
        session.commit()
        assert wrong_password(browse(app)) == 200
    answers = [wrong_password(browse(app)) for _ in range(6)]
    with valkey:
        back = wrong_password(browse(app))

    assert answers == [200, 200, 200, 200, 200, 429]
    assert back == 429


def wrong_password(browser: Browser) -> int:
    form = {"email": "nobody@example.org", "password": "not the right one"}
    with browser.application.app_context():
        return browser.submit("/sign-in", form).status_code
