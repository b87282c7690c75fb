"""An endpoint for webhooks that checks signatures with the real SDK and remembers events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stripe import Webhook

from tests.fakes.stripe import WEBHOOK_SECRET


@dataclass
class Receiver:
    """What came; `statuses` are the next answers, 200 when there are none left."""

    url: str = ""
    events: list[Any] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        """The types of the events, in the order of arrival."""
        return [event.type for event in self.events]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run an endpoint on loopback."""
    place = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            header = self.headers["Stripe-Signature"]
            place.events.append(Webhook.construct_event(body, header, WEBHOOK_SECRET))
            self.send_response(place.statuses.pop(0) if place.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
