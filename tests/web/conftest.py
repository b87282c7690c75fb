"""Further sites beside the one that all tests share."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.app import create_app
from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.config import Settings
from earlywatch.db import db
from earlywatch.domain.plans import PlanName
from earlywatch.models import Account
from earlywatch.models.workspace import Role
from earlywatch.services.wiring import EXTENSION
from earlywatch.web.limits import limiter
from tests.builders import NOW, PASSWORD, make_account, make_member, make_workspace
from tests.client import Browser
from tests.fakes.stripe import FakeStripe
from tests.web.shop import Shop
from tests.web.team import Team

MakeSite = Callable[..., Flask]


@pytest.fixture
def make_site(settings: Settings) -> Iterator[MakeSite]:
    """Return what makes a site whose settings differ in the given ones.

    The limiter is one for all sites of a process: it is given back as it was.
    """
    before = dict(vars(limiter))
    made: list[Flask] = []

    def make(**others: object) -> Flask:
        app = create_app(Settings(**{**settings.model_dump(), **others}))
        app.test_client_class = Browser
        made.append(app)
        return app

    yield make
    vars(limiter).clear()
    vars(limiter).update(before)
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def alice(session: Session) -> Account:
    """A person with a password, the owner of a workspace."""
    account = make_account(session, "alice@example.org", PASSWORD)
    make_workspace(session, account, name="alice's workspace")
    return account


@pytest.fixture
def team(session: Session) -> Team:
    """The owner, a team-mate, and a stranger."""
    owner, mate, stranger = (make_account(session) for _ in range(3))
    make_workspace(session, stranger)
    return Team(owner, mate, stranger, make_workspace(session, owner, mate))


@pytest.fixture
def viewer(session: Session, team: Team) -> Account:
    """A member of the team's workspace who may only look."""
    account = make_account(session)
    make_member(session, team.workspace, account, Role.VIEWER)
    return account


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    """A Stripe that sends no webhooks, so that pages must ask it themselves."""
    with FakeStripe(now=NOW) as fake:
        yield fake


@pytest.fixture
def selling(
    app: Flask,
    session: Session,
    client: Browser,
    stripe: FakeStripe,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """The site as it is where plans are sold; `client` is the browser of a customer on Free.

    Stripe's clock is the site's too: a test moves both.
    """
    door = Stripe("sk_test_earlywatch", stripe.url, tax=False, promotions=False)
    set_up(door, None)
    monkeypatch.setitem(app.extensions, EXTENSION, replace(app.extensions[EXTENSION], stripe=door))
    monkeypatch.setattr("earlywatch.app.utcnow", lambda: stripe.clock.now)
    owner = make_account(session, "olive@example.org")
    workspace = make_workspace(session, owner, plan=PlanName.FREE)
    client.sign_in(owner)
    return Shop(stripe, door, session, client, owner, workspace)
