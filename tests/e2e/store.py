"""The site as a shop: served in this process, with a Stripe, on one clock that a test moves.

Site, tasks and Stripe share the process because a clock that can be moved holds for one only.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import time_machine
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import BrowserContext
from sqlalchemy import select, text
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from earlywatch.app import create_app
from earlywatch.clients.stripe_setup import set_up
from earlywatch.clock import utcnow
from earlywatch.config import Settings
from earlywatch.db import Base, db, transaction
from earlywatch.domain.monitor import Status
from earlywatch.models import Account, Monitor, Subscription
from earlywatch.services.wiring import EXTENSION, Wiring
from earlywatch.web.limits import limiter
from tests.billing import KEY
from tests.builders import NOW
from tests.days import Days
from tests.fakes.stripe import WEBHOOK_SECRET, FakeStripe

OPERATOR = "ops@example.org"
COOKIE_DATE = re.compile(r"; Expires=[^;]+")


class Store(Days):
    """The site, its Stripe, and their clock."""

    def __init__(
        self, app: Flask, door: "Door", stripe: FakeStripe, traveller: time_machine.Traveller
    ) -> None:
        super().__init__(stripe, traveller)
        self.app, self.door = app, door

    @property
    def url(self) -> str:
        """Where the site is."""
        return self.wiring.settings.base_url

    @property
    def wiring(self) -> Wiring:
        """What the site was put together from."""
        found: Wiring = self.app.extensions[EXTENSION]
        return found

    def settle(self) -> None:
        """Let webhooks arrive and our tasks do what is due, until nothing is left."""
        with self.app.app_context():
            super().settle()

    def let_in(self, context: BrowserContext, account: Account) -> None:
        """Give a browser what it has whose owner has just signed in."""
        signer = SecureCookieSessionInterface().get_signing_serializer(self.app)
        assert signer is not None
        said = signer.dumps({"_user_id": f"{account.id}.{account.session_epoch}", "_fresh": True})
        name: str = self.app.config["SESSION_COOKIE_NAME"]
        context.add_cookies([{"name": name, "value": str(said), "url": self.url}])

    @property
    def bill(self) -> Subscription:
        """Our copy of the only subscription."""
        with self.app.app_context(), transaction() as session:
            return session.scalars(select(Subscription)).one()

    def frozen(self) -> list[str]:
        """Return the names of the monitors that are not watched."""
        query = select(Monitor.name).where(Monitor.status == Status.FROZEN.value)
        with self.app.app_context(), transaction() as session:
            return sorted(session.scalars(query))

    def moved(self) -> list[int]:
        """Return the cents that moved, oldest first; refunds are negative."""
        return [entry.cents for entry in self.stripe.ledger()]


class Door:
    """Stands before a site that is built once its address is known; notes which forms came."""

    def __init__(self) -> None:
        self.site: WSGIApplication | None = None
        self.sent: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "POST":
            self.sent.append(path)
        if path.startswith("/live/"):  # another server's; with 204 a browser asks no more
            start("204 No Content", [])
            return []
        assert self.site is not None
        return self.site(environ, _without_cookie_dates(start))


def _without_cookie_dates(start: StartResponse) -> StartResponse:
    """The browser's clock is the real one: by it our cookies may be old."""

    def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        undated = [(name, COOKIE_DATE.sub("", value)) for name, value in headers]
        return start(status, undated, *more)

    return begin


class QuietHandler(WSGIRequestHandler):
    """Logs nothing; a connection is for one request, so that none is waited for at the end."""

    protocol_version = "HTTP/1.0"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Stay silent."""


class Server(ThreadedWSGIServer):
    """Serves the door; once it is closed, so are all its requests."""

    daemon_threads = False  # to be waited for

    def __init__(self, door: Door) -> None:
        super().__init__("127.0.0.1", 0, door, QuietHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve, and close."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


@contextmanager
def open_store(database_url: str, directory: Path) -> Iterator[Store]:
    """Open at `NOW` a shop that nobody has been to; the database is emptied."""
    door = Door()
    with (
        time_machine.travel(NOW, tick=False) as traveller,
        Server(door) as server,
        FakeStripe(
            now=NOW,
            webhook_url=f"{server.url}/webhooks/stripe",
            deliver_by_itself=False,
            signed_at=lambda: utcnow().timestamp(),
        ) as stripe,
        _site(_settings(database_url, directory, server.url, stripe.url)) as app,
        server.running(),
    ):
        door.site = app.wsgi_app
        yield Store(app, door, stripe, traveller)


def _settings(database_url: str, directory: Path, url: str, stripe_url: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": database_url,
            "secret_key": "for the tests alone",
            "base_url": url,
            "mail_from": "Earlywatch <alerts@watch.test>",
            "earlywatch_data_dir": directory,
            "stripe_secret_key": KEY,
            "stripe_webhook_secret": WEBHOOK_SECRET,
            "stripe_api_base": stripe_url,
            "operator_emails": OPERATOR,
        }
    )


@contextmanager
def _site(settings: Settings) -> Iterator[Flask]:
    """The limiter is one for all sites of a process: it is given back as it was."""
    before = dict(vars(limiter))
    app = create_app(settings)
    limiter.reset()
    wired: Wiring = app.extensions[EXTENSION]
    assert wired.stripe is not None
    set_up(wired.stripe, None)
    try:
        with app.app_context():
            _empty()
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
        vars(limiter).clear()
        vars(limiter).update(before)


def _empty() -> None:
    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    db.session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    db.session.commit()
