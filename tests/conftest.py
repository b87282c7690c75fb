"""Fixtures for every test: real servers and a closed network."""

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.app import create_app
from earlywatch.config import Settings
from earlywatch.db import Base, db
from earlywatch.web.limits import limiter
from tests import servers
from tests.builders import NOW
from tests.client import Browser
from tests.stores import Bucket, object_server
from tests.undone import undone


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """The name of this test process: `gw0` and so on, `main` without xdist."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def database_url(worker: str) -> Iterator[str]:
    """An empty database for this test process."""
    with servers.database(worker) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(worker: str) -> Iterator[str]:
    """A Valkey for this test process, as Celery writes its address."""
    with servers.valkey(worker) as url:
        yield url


@pytest.fixture(scope="session")
def object_host() -> Iterator[str]:
    """The address of an object store for this test process."""
    with object_server() as host:
        yield host


@pytest.fixture
def bucket(object_host: str) -> Bucket:
    """An empty bucket."""
    return Bucket(object_host)


class Failures(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def no_hidden_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which the planning of alerts failed: it goes on all the same, plainly."""
    failures, logger = Failures(), logging.getLogger("earlywatch.services.plain_telling")
    logger.addHandler(failures)
    yield
    logger.removeHandler(failures)
    expected = request.node.get_closest_marker("planning_fails")
    assert expected or not failures.records, failures.records[0].exc_info


@pytest.fixture
def now() -> datetime:
    """A moment in UTC at which nothing special happens; builders use it too."""
    return NOW


@pytest.fixture(scope="session")
def settings(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """An installation on loopback, without mail server: mail goes to the mailbox."""
    return Settings.model_validate(
        {
            "database_url": database_url,
            "redis_url": redis_url,
            "secret_key": "for the tests alone",
            "base_url": "http://localhost",
            "mail_from": "Earlywatch <alerts@earlywatch.test>",
            "private_targets": "127.0.0.0/8",
            "earlywatch_data_dir": tmp_path_factory.mktemp("data"),
        }
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """The site on a database with all tables."""
    app = create_app(settings)
    app.testing = True
    app.test_client_class = Browser
    with app.app_context():
        Base.metadata.create_all(db.engine)
    yield app
    with app.app_context():
        Base.metadata.drop_all(db.engine)
        db.engine.dispose()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session whose commits are undone when the test ends."""
    with undone(app) as opened:
        yield opened


@pytest.fixture
def client(app: Flask, session: Session) -> Browser:
    """A browser nobody has signed in with; `app.test_client()` makes another one."""
    limiter.reset()
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each test process begin with slow tests, or all would wait for the last of them.

    pytest-xdist hands out the list in as many parts as there are processes. Tests of a module
    stay together, since they share servers.
    """
    processes = int(getattr(config, "workerinput", {}).get("workercount", 1))
    slow: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if "e2e" in item.path.parts or item.get_closest_marker("slow"):
            slow.setdefault(item.path, []).append(item)
    modules = list(slow.values())
    others = [item for item in items if item not in slow.get(item.path, ())]
    size = -(-len(others) // processes)
    ordered: list[pytest.Item] = []
    for part in range(processes):
        ordered += [item for module in modules[part::processes] for item in module]
        ordered += others[part * size : (part + 1) * size]
    items[:] = ordered
