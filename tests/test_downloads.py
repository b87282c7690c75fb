"""Long answers from the real server: whoever leaves or stalls keeps nothing of the site."""

import asyncio
import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from earlywatch import asgi
from earlywatch.ingest.http import Message
from earlywatch.web.exports import AT_ONCE
from tests.builders import make_account, make_monitor, make_ping, make_workspace
from tests.serving import SECRET_KEY, Server, connect, database_with_tables
from tests.waiting import wait_until

PINGS, BODY = 500, b"x" * 100_000  # more than sockets and queues hold
PATH = "/export/workspace.json"
PROMPT = 5.0  # seconds, on a busy machine
FREED = 20.0  # seconds; gunicorn lets go of a request some seconds after its reader has left
IN_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in trans%'
"""
SCOPE: dict[str, Any] = {
    "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [],
    "http_version": "1.1", "scheme": "http", "server": ("localhost", 80),
}  # fmt: skip


@pytest.fixture(scope="module")
def database(worker: str) -> Iterator[str]:
    """A database with one monitor that has been very talkative."""
    with database_with_tables(f"{worker}_downloads") as url:
        engine = create_engine(url)
        with Session(engine) as session:
            workspace = make_workspace(session, make_account(session))
            ping = make_ping(session, make_monitor(session, workspace), body=BODY)
            columns = "monitor_id, received_at, kind, body, body_cut, method, scheme"
            session.execute(
                text(
                    f"INSERT INTO ping ({columns})"
                    f" SELECT {columns} FROM ping, generate_series(2, {PINGS}) WHERE id = :id"
                ),
                {"id": ping.id},
            )
            session.commit()
        engine.dispose()
        yield url


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`earlywatch web` with one worker."""
    log: Path = tmp_path_factory.mktemp("downloads") / "log.txt"
    with Server("app", database, log, workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def cookie(database: str) -> str:
    """What the browser of the workspace's owner sends."""
    with connect(database) as connection:
        [account_id] = connection.execute("SELECT id FROM account").fetchone() or ()
    signer = Flask(__name__)
    signer.secret_key = SECRET_KEY
    serializer = SecureCookieSessionInterface().get_signing_serializer(signer)
    assert serializer
    return f"earlywatch={serializer.dumps({'_user_id': f'{account_id}.0', '_fresh': True})}"


def begin(server: Server, cookie: str) -> http.client.HTTPResponse:
    """Ask for the file; return it when its first bytes are there."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    # A small window, so that the server notices at once who does not read.
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.sock.connect(("127.0.0.1", server.port))
    connection.request("GET", PATH, headers={"Cookie": cookie, "Connection": "close"})
    return connection.getresponse()


def begin_when_there_is_room(server: Server, cookie: str) -> http.client.HTTPResponse:
    begun: list[http.client.HTTPResponse] = []

    def has_room() -> bool:
        begun.append(begin(server, cookie))
        if begun[-1].status == 503:
            begun[-1].close()
        return begun[-1].status == 200

    wait_until(has_room, FREED, "a free place", every=0.5)
    return begun[-1]


def test_a_whole_file_comes_through_the_server(server: Server, cookie: str) -> None:
    status, body = server.get(PATH, Cookie=cookie)

    file = json.loads(body)
    assert status == 200
    assert len(file["pings"]) == PINGS
    assert {len(ping["body"]) for ping in file["pings"]} == {len(BODY)}


def test_readers_who_leave_in_the_middle_give_their_places_back(
    server: Server, cookie: str
) -> None:
    for _ in range(2 * AT_ONCE):
        response = begin_when_there_is_room(server, cookie)
        response.read(100_000)
        response.close()

    begin_when_there_is_room(server, cookie).close()
    assert server.get("/sign-in")[0] == 200


def test_slow_readers_hold_neither_a_transaction_nor_the_site(
    server: Server, database: str, cookie: str
) -> None:
    slow = [begin_when_there_is_room(server, cookie) for _ in range(AT_ONCE)]
    try:
        with connect(database) as connection:
            wait_until(
                lambda: connection.execute(IN_TRANSACTION).fetchone() == (0,), PROMPT, "no one"
            )
        refused, page = server.get(PATH, Cookie=cookie)
        answers = [server.get("/sign-in")[0] for _ in range(asgi.SITE_THREADS)]
        rest = [json.loads(response.read()) for response in slow]
    finally:
        for response in slow:
            response.close()

    assert refused == 503
    assert b"Other exports are being written right now." in page
    assert set(answers) == {200}
    assert [len(file["pings"]) for file in rest] == [PINGS] * AT_ONCE


class Endless:
    """A site with one answer that never ends by itself."""

    def __init__(self) -> None:
        self.closed = Event()

    def __call__(self, _environ: object, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            self.closed.set()


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def take_nothing(_message: Message) -> None:
    await asyncio.Event().wait()


def test_a_reader_who_takes_nothing_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "READ_PATIENCE", 0.1)
    endless = Endless()
    site = asgi.Site(endless)

    asyncio.run(asyncio.wait_for(site(SCOPE, receive, take_nothing), PROMPT))
    site.close()

    assert endless.closed.wait(PROMPT)


def test_an_answer_ends_with_its_request() -> None:
    endless = Endless()
    site = asgi.Site(endless)

    async def leave() -> bool:
        request = asyncio.create_task(site(SCOPE, receive, take_nothing))
        await asyncio.sleep(0.1)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        return await asyncio.to_thread(endless.closed.wait, PROMPT)

    assert asyncio.run(leave())
    site.close()
