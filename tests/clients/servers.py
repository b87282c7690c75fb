"""Servers on loopback that behave, and servers that do not."""

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope

NOT_YOURS = "553 5.7.1 Sender address rejected: not owned by user alerts"


@dataclass
class Sink:
    """A mail server's memory, and its answers to MAIL, RCPT and DATA, which a test may change.

    Senders of the domain `foreign` are refused at one of the three.
    """

    url: str = ""
    port: int = 0
    connections: int = 0
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    to_mail: str = "250 OK"
    to_rcpt: str = "250 OK"
    to_data: str = "250 2.0.0 queued as 4711"
    foreign: str = ""
    refuses_at: str = "MAIL"

    @property
    def contents(self) -> list[bytes]:
        """The mails that came, as bytes."""
        return [envelope.original_content or b"" for envelope in self.envelopes]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        if self._refuses("MAIL", address):
            return NOT_YOURS
        if self.to_mail.startswith("250"):
            envelope.mail_from = address
        return self.to_mail

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        if self._refuses("RCPT", envelope.mail_from):
            return NOT_YOURS
        if self.to_rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_rcpt

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Any, envelope: Envelope
    ) -> str:
        if self._refuses("DATA", envelope.mail_from):
            return NOT_YOURS
        if self.to_data.startswith("250"):
            self.envelopes.append(envelope)
            self.encrypted.append(session.ssl is not None)
        return self.to_data

    def _refuses(self, step: str, sender: str | None) -> bool:
        is_foreign = bool(self.foreign) and (sender or "").endswith(f"@{self.foreign}")
        return is_foreign and step == self.refuses_at

    def authenticate(
        self, _server: SMTP, _session: object, _envelope: object, _mechanism: str, data: Any
    ) -> AuthResult:
        """Take one user and one password, both with characters that a URL must escape."""
        login = (data.login.decode(), data.password.decode())
        self.logins.append(login)
        right = login == ("alerts@example.org", "p:ss/w@rd%")
        return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(
    scheme: str = "smtp",
    implicit_tls: ssl.SSLContext | None = None,
    auth: bool = False,
    **options: Any,
) -> Iterator[Sink]:
    """Run a mail server; `options` are aiosmtpd's."""
    loop = asyncio.new_event_loop()
    sink = Sink()
    if auth:
        required = options.get("auth_require_tls", True)  # aiosmtpd warns of passwords in the clear
        options |= {"authenticator": sink.authenticate, "auth_required": required}
    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        sink.connections += 1
        protocols.append(SMTP(sink, loop=loop, hostname="sink.test", **options))
        return protocols[-1]

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit_tls))
    sink.port = server.sockets[0].getsockname()[1]
    sink.url = f"{scheme}://localhost:{sink.port}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(_shut(server, protocols), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _shut(server: asyncio.Server, protocols: list[SMTP]) -> None:
    server.close()
    for protocol in protocols:
        if isinstance(protocol.transport, asyncio.WriteTransport):
            protocol.transport.abort()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


Script = Callable[[socket.socket], None]


@contextmanager
def tcp_server(script: Script) -> Iterator[int]:
    """Let `script` talk to every connection, each in a thread; give the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                script(connection)
            except OSError:
                return  # the other side has left

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@contextmanager
def silent_listener() -> Iterator[int]:
    """Give a port at which no connection comes about and none is refused: its queue is full."""
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@dataclass
class Request:
    """What an HTTP receiver was sent."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


@dataclass
class Receiver:
    """An HTTP server's memory, and its answer, which a test may change.

    `first` are status and text of the answers before that one.
    """

    url: str = ""
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    first: list[tuple[int, str]] = field(default_factory=list)
    status: int = 200
    text: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def http_server(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Run a server that keeps connections open between requests; over TLS if so wished."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer takes 40 ms

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            request = Request(self.path, dict(self.headers), body, self.command)
            receiver.requests.append(request)
            usual = (receiver.status, receiver.text)
            status, text = receiver.first.pop(0) if receiver.first else usual
            answer = text.encode()
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_PATCH = do_POST  # noqa: N815 - the server looks for these

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_who: None  # type: ignore[method-assign]  # clients may leave
    if certificate:
        server.socket = server_context(*certificate).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for `localhost` and `mail.test` that vouches for itself, and its key."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:mail.test"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
