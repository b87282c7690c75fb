"""The outside world on loopback: servers for mail and HTTP that remember what came when."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller

from tests.waiting import free_port, wait_until

MAIL = "mail"


@dataclass(frozen=True)
class Received:
    """One message: when it came (Unix seconds), where, and what it said."""

    at: float
    path: str
    text: str
    id: str


@dataclass
class Inbox:
    """Everything that came, in order. Safe to read while more comes."""

    received: list[Received] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    def about(self, words: str, path: str | None = None) -> list[Received]:
        """Return what says `words`, in one place or in all."""
        found = [one for one in list(self.received) if words in one.text]
        return [one for one in found if path is None or one.path == path]

    def wait_for(self, words: str, path: str | None = None, seconds: float = 30) -> Received:
        """Return the first message that says `words`, waiting for it if need be."""
        wait_until(lambda: bool(self.about(words, path)), seconds, f"a message “{words}”")
        return self.about(words, path)[0]


class MailHandler:
    """Keeps what a mail server accepts."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Any
    ) -> str:
        """Accept a mail."""
        at = time.time()
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self._inbox.mails.append(mail)
        words = f"{mail['Subject']}\n{plain_text(mail)}"
        self._inbox.received.append(Received(at, MAIL, words, str(mail["Message-ID"])))
        return "250 accepted"


def plain_text(mail: EmailMessage) -> str:
    """Return the text part of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None, "a mail without a text part"
    return str(part.get_content())


@contextmanager
def mail_server(inbox: Inbox) -> Iterator[str]:
    """Run a mail server; give the `SMTP_URL` for it."""
    port = free_port()
    controller = Controller(MailHandler(inbox), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@contextmanager
def http_receiver(inbox: Inbox) -> Iterator[str]:
    """Run an HTTP server that says yes as Slack and Twilio do; give its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = time.time()
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            words = parse_qs(body)["Body"][0] if self.path.endswith("Messages.json") else body
            key = self.headers.get("Idempotency-Key", "")
            inbox.received.append(Received(at, self.path, words, key))
            twilio = self.path.endswith("Messages.json")
            answer = json.dumps({"sid": "SM1", "status": "queued"}) if twilio else "ok"
            self.send_response(201 if twilio else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
