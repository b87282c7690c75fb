"""Further sites beside the one that all tests share."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.app import create_app
from earlywatch.config import Settings
from earlywatch.db import db
from earlywatch.models import Account
from earlywatch.models.workspace import Role
from earlywatch.web.limits import limiter
from tests.builders import PASSWORD, make_account, make_member, make_workspace
from tests.client import Browser
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
