"""Open pages hear at once when something changed in their workspace, and only then."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from earlywatch.clock import utcnow
from earlywatch.services.links import Links
from tests.serving import SECRET_KEY, Server, add_monitors, connect, monitor_of

LINKS = Links("http://localhost", SECRET_KEY)
QUIET = 1.5  # seconds without an event that prove that none comes
EVENT = b"data: {}\n\n"


class Page:
    """An open stream; `next` gives the event after, or None when none comes in time."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response

    def next(self, seconds: float = 10) -> bytes | None:
        self.response.fp.raw._sock.settimeout(seconds)  # type: ignore[attr-defined]
        try:
            return self.response.readline() + self.response.readline()
        except TimeoutError:
            return None


@contextmanager
def opened(server: Server, path: str) -> Iterator[Page]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path)
    try:
        with connection.getresponse() as response:
            assert response.status == 200
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            yield Page(response)
    finally:
        connection.close()


@pytest.fixture
def key(engine: Engine) -> UUID:
    """The ping key of a new monitor in a workspace of its own."""
    return add_monitors(engine)[0]


def live(engine: Engine, key: UUID) -> str:
    return LINKS.live_path(monitor_of(engine, key).workspace_id, utcnow())


def test_a_page_looks_once_when_its_stream_opens(site: Server, engine: Engine, key: UUID) -> None:
    with opened(site, live(engine, key)) as page:
        assert page.next() == EVENT


def test_a_change_of_status_reaches_the_pages_of_its_workspace(
    site: Server, engine: Engine, key: UUID
) -> None:
    [other] = add_monitors(engine)
    with opened(site, live(engine, key)) as page, opened(site, live(engine, other)) as stranger:
        page.next()
        stranger.next()

        assert site.get(f"/ping/{key}") == (200, b"OK")

        assert page.next() == EVENT
        assert stranger.next(QUIET) is None


@pytest.mark.parametrize("ending", ["/start", "/fail"])
def test_a_start_and_a_failure_are_shown_at_once(
    site: Server, engine: Engine, key: UUID, ending: str
) -> None:
    site.get(f"/ping/{key}")
    with opened(site, live(engine, key)) as page:
        page.next()

        site.get(f"/ping/{key}{ending}")

        assert page.next() == EVENT


def test_a_listener_that_was_cut_off_listens_again(
    site: Server, site_database: str, engine: Engine, key: UUID
) -> None:
    with opened(site, live(engine, key)) as page:
        page.next()
        with connect(site_database) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'earlywatch live'"
            )

        assert page.next() == EVENT  # what happened meanwhile was not heard

        site.get(f"/ping/{key}/start")
        assert page.next() == EVENT


@pytest.mark.parametrize("path", ["/live/", "/live/x", "/live/%ff%00", "/live/WzEsMV0.x"])
def test_a_token_that_we_did_not_make_opens_nothing(site: Server, path: str) -> None:
    assert site.get(path)[0] == 403


def test_a_token_of_yesterday_opens_nothing(site: Server, engine: Engine, key: UUID) -> None:
    yesterday = utcnow() - timedelta(hours=13)

    path = LINKS.live_path(monitor_of(engine, key).workspace_id, yesterday)

    assert site.get(path) == (403, b"This link is too old. Ask for a new one.")


def test_an_open_page_does_not_hold_back_a_gentle_stop(
    site_database: str, engine: Engine, key: UUID, tmp_path: Path
) -> None:
    with (
        Server("app", site_database, tmp_path / "log.txt", workers=1) as server,
        opened(server, live(engine, key)) as page,
    ):
        page.next()
        start = time.monotonic()

        server.stop()

        assert time.monotonic() - start < 5
        assert page.response.read() == b""
