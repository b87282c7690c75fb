"""Speaking HTTP byte by byte, and looking at what was stored."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from earlywatch.models import Monitor, Ping
from tests.serving import Server

PLAIN = (
    b"content-type: text/plain; charset=utf-8\r\n"
    b"access-control-allow-origin: *\r\n"
    b"cache-control: no-store\r\n"
)
ITSELF = re.compile(rb"Server: gunicorn/asgi\r\nDate: [^\r]+ GMT\r\n")
LIMIT = b"ping-body-limit: 100000\r\n"


def answer(line: str, words: str, extra: bytes = b"") -> bytes:
    """Return a whole answer of ours, without what the server says about itself."""
    length = b"content-length: %d\r\n" % len(words.encode())
    return f"HTTP/1.1 {line}\r\n".encode() + PLAIN + length + extra + b"\r\n" + words.encode()


OK = answer("200 OK", "OK", LIMIT)
NOT_FOUND = answer("404 Not Found", "not found")


def ask(server: Server, line: str, headers: str = "", body: bytes = b"") -> bytes:
    """Send one request and return the answer without what the server says about itself."""
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    heard = server.speak(head.encode() + body)
    return ITSELF.sub(b"", heard).replace(b"Connection: close\r\n", b"", 1)


def get(path: str, *headers: str) -> bytes:
    """Return a GET request on a connection that is kept."""
    lines = [f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode()


def pings(engine: Engine, key: UUID) -> list[Ping]:
    """Return what is stored, oldest first."""
    query = select(Ping).join(Monitor, Monitor.id == Ping.monitor_id).filter_by(ping_key=key)
    with Session(engine) as session:
        return list(session.scalars(query.order_by(Ping.id)))


@contextmanager
def talk(server: Server, words: bytes = b"") -> Iterator[socket.socket]:
    """A connection on which something was said."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(words)
        yield connection


def rest_of(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection, or resets it."""
    heard = b""
    try:
        while piece := connection.recv(65_536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard
