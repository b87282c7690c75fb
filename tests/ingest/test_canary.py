"""The canary of a real server: it goes out of the door, comes in again, and needs nobody."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.serving import Server, database_with_tables
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def own_database(worker: str) -> Iterator[str]:
    """A database in which nobody counts rows."""
    with database_with_tables(f"{worker}_canary") as url:
        yield url


def heard(url: str, kind: str = "log") -> int:
    """How many pings are stored."""
    engine = create_engine(url)
    query = text("SELECT count(*) FROM ping WHERE kind = :kind")
    with engine.connect() as connection:
        count = connection.scalar(query, {"kind": kind})
    engine.dispose()
    return int(count or 0)


def test_it_comes_through_and_stops_at_once_with_its_server(
    own_database: str, tmp_path: Path
) -> None:
    with Server("ingest_app", own_database, tmp_path / "log.txt", CANARY="true") as server:
        wait_until(lambda: heard(own_database) >= 2, 20, "two pings of the canary", every=0.1)
        assert b'"deaf_since": null' in server.get("/healthz")[1]
        server.stop()


def test_a_door_that_cannot_be_reached_is_logged_once_and_pings_are_shown_to_be_stored(
    own_database: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    settings: dict[str, Any] = {"CANARY": "true", "PING_BASE_URL": "http://127.0.0.1:1/ping"}
    with Server("ingest_app", own_database, log, workers=1, **settings) as server:
        wait_until(lambda: "canary" in log.read_text(), 20, "a line in the log", every=0.1)
        wait_until(lambda: heard(own_database, "ignored") >= 2, 20, "two on its own", every=0.1)
        assert server.get("/healthz")[0] == 200

    [line] = re.findall(r".*ConnectionError.*", log.read_text())
    assert "canary" in line
