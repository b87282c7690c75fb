"""What gunicorn serves: `app` (pings, health, live pages, the site) and `ingest_app` (pings alone).

Nothing is read or opened at import; each is built when its worker starts. What the workers share
is there before: the memory that limits how often one may ping.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.types import WSGIApplication

from a2wsgi import wsgi

from earlywatch.app import create_app
from earlywatch.config import ConfigError, Settings, load_settings
from earlywatch.errors import EarlywatchError
from earlywatch.ingest.app import BODY_PATIENCE as PING_BODY_PATIENCE
from earlywatch.ingest.app import PingApp
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Buckets, Guard
from earlywatch.ingest.canary import Canary
from earlywatch.ingest.health import HealthApp
from earlywatch.ingest.http import Answer, Message, Receive, Scope, Send, read_body
from earlywatch.ingest.line import Line
from earlywatch.live.app import LiveApp
from earlywatch.live.hub import Hub
from earlywatch.services.wiring import EXTENSION, Wiring
from earlywatch.web.security import MAX_FORM_BYTES

SITE_THREADS = 10  # as many as the site's pool has connections
BODY_PATIENCE = 15.0  # seconds for a form
READ_PATIENCE = 30.0  # seconds until a reader takes the next piece of a long answer
QUEUED = 10  # pieces of an answer on their way from its thread
FRAMING = (b"content-length", b"transfer-encoding")
# Young objects are looked through once per 10,000 new ones, not per 700: a ping makes dozens and
# leaves no cycles behind.
GC_THRESHOLDS = (10_000, 20, 20)
# Seconds after which the event loop lets the thread go on whose answer from the database is there.
SWITCH = 0.0005
NOT_FOUND = Answer(404, "not found")
TOO_SLOW = Answer(408, "The form did not arrive.", ((b"connection", b"close"),))

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
Responder: Any = wsgi.WSGIResponder  # its types are narrower than ours


async def not_found(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer what is not served here."""
    await NOT_FOUND.send(scope, send)


class Intake:
    """Pings and health: what needs PostgreSQL alone."""

    needs_detector = False
    body_patience = PING_BODY_PATIENCE  # seconds for the body of a ping

    def __init__(self, settings: Settings, buckets: Buckets) -> None:
        """`buckets` are shared with the other workers."""
        url = settings.database_url
        if not url:
            raise ConfigError("DATABASE_URL is missing: the address of a PostgreSQL database.")
        self._batcher = Batcher(Line("pings", url, pre_ping=False))
        guard = Guard(buckets, settings)
        self.pings = PingApp(self._batcher, guard, settings.trusted_proxies, self.body_patience)
        health = Line("health", url, pre_ping=True)
        self._health = HealthApp(health, needs_detector=self.needs_detector)
        self._canary: Canary | None = None
        if settings.canary:
            line = Line("canary", url, pre_ping=True)
            self._canary = Canary(line, settings.ping_base_url, self._batcher)

    def start(self) -> None:
        """Begin to work; called in the event loop."""
        self._batcher.start()
        if self._canary is not None:
            self._canary.start()

    def handler(self, path: str) -> Handler:
        """Return who answers for `path`."""
        if path.startswith("/ping/"):
            return self.pings
        return self._health if path == "/healthz" else not_found

    def end_streams(self) -> None:
        """There are none."""

    async def close(self) -> None:
        """Stop after the last ping is stored."""
        if self._canary is not None:
            await self._canary.close()
        await self._batcher.close()
        await self._health.close()


class Everything(Intake):
    """Pings and health, live pages, and the Flask site for the rest."""

    needs_detector = True

    def __init__(self, settings: Settings, buckets: Buckets) -> None:
        super().__init__(settings, buckets)
        flask_app = create_app(settings)
        assert settings.database_url
        wiring: Wiring = flask_app.extensions[EXTENSION]
        self._hub = Hub(settings.database_url)
        self._live = LiveApp(self._hub, wiring.links)
        self._site = Site(flask_app)

    def start(self) -> None:
        super().start()
        self._hub.start()

    def handler(self, path: str) -> Handler:
        if path.startswith(("/ping/", "/healthz")):
            return super().handler(path)
        return self._live if path.startswith("/live/") else self._site

    def end_streams(self) -> None:
        self._hub.end()

    async def close(self) -> None:
        await super().close()
        await self._hub.close()
        self._site.close()


class Site:
    """The Flask site, which gets a request when all of its body is there.

    A thread that waited for a slow body would be missing for the pages of everybody else.
    """

    def __init__(self, site: WSGIApplication) -> None:
        self._site = site
        self._threads = ThreadPoolExecutor(SITE_THREADS, "WSGI")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body, cut = await read_body(receive, MAX_FORM_BYTES, MAX_FORM_BYTES, BODY_PATIENCE)
        except (ConnectionError, TimeoutError):
            await TOO_SLOW.send(scope, send)
            return
        # What is too large is answered by the site, which goes by the length alone.
        whole = with_length(scope, len(body) + cut)

        async def receive_whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await Answering(self._site, self._threads, QUEUED)(whole, receive_whole, send)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False)


class ReaderGone(Exception):
    """Whoever wanted the answer has left, or takes nothing of it."""


class Answering(Responder):  # type: ignore[misc]
    """Ends a long answer that nobody takes; a2wsgi would let its thread wait for ever."""

    _gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Cancelled by gunicorn some seconds after the reader has left."""
        try:
            await super().__call__(scope, receive, send)
        except ReaderGone:
            return  # gunicorn closes the connection: the reader sees that something is missing
        finally:
            self._gone = True
            while not self.send_queue.empty():  # lets through the piece that the thread waits with
                self.send_queue.get_nowait()

    def send(self, message: Message | None) -> None:
        """Pass on a piece of the answer. Called in the thread; raises ReaderGone."""
        if self._gone:
            raise ReaderGone
        passed = asyncio.run_coroutine_threadsafe(self.send_queue.put(message), self.loop)
        try:
            passed.result(READ_PATIENCE)
        except TimeoutError:
            raise ReaderGone from None


def with_length(scope: Scope, length: int) -> Scope:
    """Return `scope` with a body of so many bytes, however it was sent."""
    headers = [each for each in scope["headers"] if each[0] not in FRAMING]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


class App:
    """An ASGI app that builds its parts from the settings when its worker starts."""

    def __init__(self, build: Callable[[Settings, Buckets], Intake]) -> None:
        self._build = build
        self._buckets = Buckets()  # made before the workers are forked, which then share it
        self._parts: Intake | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            assert self._parts is not None
            await self._parts.handler(scope["path"])(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    @property
    def pings(self) -> PingApp | None:
        """Who takes pings, once the process has started."""
        return self._parts.pings if self._parts else None

    def end_streams(self) -> None:
        """End what would otherwise go on for hours, because the process is to stop."""
        if self._parts is not None:
            self._parts.end_streams()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send(self._start())
        await receive()
        if self._parts is not None:
            await self._parts.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> Message:
        try:
            self._parts = self._build(load_settings(), self._buckets)
        except EarlywatchError as error:
            return {"type": "lifespan.startup.failed", "message": str(error)}
        self._parts.start()
        # What is there now stays: it need not be looked through again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH)
        return {"type": "lifespan.startup.complete"}


app: Any = App(Everything)
ingest_app: Any = App(Intake)
