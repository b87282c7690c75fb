"""A browser for tests: it checks every page it gets and fills in forms as people do."""

import re
from typing import Any
from urllib.parse import urljoin

from flask import has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from earlywatch.db import db
from earlywatch.models import Account
from tests.html import check_page

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser(FlaskClient):
    """Each request sees what the test stored so far, and the test sees what it changed."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a request in an application context of its own, and check the page that comes."""
        if has_app_context():
            db.session().commit()
        with self.application.app_context():
            response: TestResponse = super().open(*args, **kwargs)
            response.get_data()
            response.close()
        if has_app_context():
            db.session().expire_all()
        whole = not _sandboxed(response) and not _is_part(response)
        if response.mimetype == "text/html" and response.text and whole:
            check_page(response.text)
        return response

    def sign_in(self, account: Account) -> None:
        """Be `account`, without typing a password."""
        with self.session_transaction() as cookie:
            cookie["_user_id"] = f"{account.id}.{account.session_epoch}"
            cookie["_fresh"] = True

    def sign_out(self) -> None:
        """Be nobody."""
        with self.session_transaction() as cookie:
            cookie.clear()

    def submit(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """Open the page with the form at `url`, and send it filled in with `data`."""
        page = self.get(url)
        assert page.status_code == 200, f"{url} answers {page.status_code}"
        return self.send(page, data, url, **kwargs)

    def send(
        self, page: TestResponse, data: dict[str, Any] | None, url: str, **kwargs: Any
    ) -> TestResponse:
        """Send a form of `page` to `url`, with the page's token."""
        return self.post(url, data={"csrf_token": self.token(page), **(data or {})}, **kwargs)

    def token(self, page: TestResponse) -> str:
        """Return what proves that a form came from `page`."""
        found = TOKEN.search(page.text)
        assert found, "the page has no form"
        return found[1]

    def follow(self, response: TestResponse) -> TestResponse:
        """Open the page a redirect leads to."""
        assert response.location, f"no redirect but {response.status}"
        return self.get(urljoin(response.request.path, response.location))


def _is_part(response: TestResponse) -> bool:
    # What htmx fetches may be a part of a page, without head and title.
    return "HX-Request" in response.request.headers


def _sandboxed(response: TestResponse) -> bool:
    # A mail in its frame: not a page of ours.
    return "sandbox" in response.headers.get("Content-Security-Policy", "")
