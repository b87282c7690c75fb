"""A site on a database of its own, since what threads commit stays."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from earlywatch.app import create_app
from earlywatch.config import Settings
from earlywatch.db import db
from earlywatch.models import Account, Workspace
from tests.client import Browser
from tests.fakes.stripe import FakeStripe
from tests.selling import fill, sell
from tests.serving import database_with_tables


@pytest.fixture(scope="module")
def task_app(
    worker: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The site whose tasks are run, with a mailbox of its own."""
    place = tmp_path_factory.mktemp("tasks")
    with database_with_tables(f"{worker}_tasks") as url:
        own = {"database_url": url, "earlywatch_data_dir": place}
        app = create_app(settings.model_copy(update=own))
        yield app
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def rows(task_app: Flask) -> Iterator[Session]:
    """A session that commits for real; everything is deleted afterwards."""
    with task_app.app_context(), Session(db.engine) as session:
        yield session
        session.rollback()
        session.execute(delete(Workspace))
        session.execute(delete(Account))
        session.commit()


@pytest.fixture
def stripe(
    app: Flask, session: Session, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeStripe]:
    """A Stripe with our products. What it tells is brought to the site by `deliver()` alone."""

    def bring(url: str, body: bytes, headers: dict[str, str]) -> int:
        return client.post("/webhooks/stripe", data=body, headers=headers).status_code

    here = "http://localhost/webhooks/stripe"
    with FakeStripe(webhook_url=here, deliver_by_itself=False, send=bring) as fake:
        sell(app, fake.url, monkeypatch)
        fake.faults.lose = True
        fill(app)
        fake.faults.lose = False
        yield fake
