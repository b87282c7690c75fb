"""One server, two worlds: pings natively, pages through Flask."""

import http.client
import re
import subprocess
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from earlywatch.config import load_settings
from earlywatch.server import gunicorn_command
from tests.serving import SECRET_KEY, Server
from tests.waiting import free_port


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`earlywatch web`; nothing here needs a table."""
    log = tmp_path_factory.mktemp("asgi") / "log.txt"
    with Server("app", database_url, log, workers=1) as server:
        yield server


def test_pages_come_from_flask(site: Server) -> None:
    status, page = site.get("/sign-in")

    assert status == 200
    assert page.lstrip().startswith(b"<!doctype html>")


def test_head_of_a_page_has_no_body(site: Server) -> None:
    assert site.get("/sign-in", "HEAD") == (200, b"")


def test_an_address_outside_of_ping_is_a_page_that_does_not_exist(site: Server) -> None:
    status, page = site.get("/pings")

    assert status == 404
    assert b"<html" in page


def test_a_form_without_our_token_is_refused_and_not_an_error(site: Server) -> None:
    answer = site.get(
        "/sign-in", "POST", b"email=x", Content_Type="application/x-www-form-urlencoded"
    )

    assert answer[0] == 400


def test_junk_in_the_query_of_a_page_is_no_reason_to_fail(site: Server) -> None:
    assert site.get("/sign-in?next=%ff%00%ed%a0%80&%")[0] == 200


def test_a_websocket_is_refused(site: Server) -> None:
    answer = site.speak(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_form_is_read_however_it_is_sent(site: Server, chunked: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", "/sign-in")
    response = connection.getresponse()
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', response.read().decode())
    assert token is not None
    form = urlencode({"csrf_token": token[1], "email": "no address"}).encode()
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}

    connection.request("POST", "/sign-in", iter([form]) if chunked else form, headers)
    response = connection.getresponse()

    assert response.status == 200
    assert b'value="no address"' in response.read()
    connection.close()


@pytest.mark.parametrize("target", ["app", "ingest_app"])
def test_a_missing_setting_stops_the_start_with_a_sentence(target: str) -> None:
    command = gunicorn_command(load_settings({"PORT": str(free_port())}), target)

    done = subprocess.run(
        command,
        env={"SECRET_KEY": SECRET_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "DATABASE_URL is missing" in done.stdout + done.stderr


def bound(settings: dict[str, str]) -> str:
    command = gunicorn_command(load_settings(settings), "app")
    return command[command.index("--bind") + 1]


def test_without_an_address_for_the_outside_the_server_stays_on_loopback() -> None:
    assert bound({}) == "127.0.0.1:8000"
    assert bound({"PORT": "9000"}) == "127.0.0.1:9000"


@pytest.mark.parametrize("name", ["BASE_URL", "PING_BASE_URL"])
def test_with_an_address_for_the_outside_the_server_is_reached_from_there(name: str) -> None:
    assert bound({name: "https://watch.example.org"}) == "0.0.0.0:8000"
