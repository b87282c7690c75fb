"""The ping endpoint as ASGI: answers 200 after the commit, and never before."""

import asyncio
import contextlib
from datetime import datetime
from typing import NamedTuple

from earlywatch.clock import utcnow
from earlywatch.ingest.answers import (
    BROKEN,
    NOT_STORED,
    TOO_LARGE,
    TOO_SLOW,
    answer_to,
    refusal,
    slow_down,
)
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Guard
from earlywatch.ingest.http import Answer, Kept, Receive, Scope, Send, read_into
from earlywatch.ingest.parse import parse
from earlywatch.ingest.query import read_query, read_wish
from earlywatch.ingest.request import PingRequest, Refusal, announces_body
from earlywatch.ingest.store import Unavailable
from earlywatch.ingest.unpack import Broken, TooLarge, Unpacked
from earlywatch.services.incoming import (
    BODY_LIMIT,
    BODY_MARGIN,
    BODY_TAIL,
    ByName,
    NotCreated,
    Outcome,
)

BODY_KEPT = BODY_LIMIT + BODY_MARGIN  # bytes
BODY_END = 10_000_000  # bytes that are read or unpacked at all
# Seconds for all of it: a few dripping clients must not use up the connections.
BODY_PATIENCE = 30.0
# Bytes and seconds to let a body come in that nobody wants, after the answer: a connection that
# is closed on it is reset, and the client may never see the answer.
LINGER_BYTES, LINGER = 1_000_000, 1.0


class Body(NamedTuple):
    """Both ends of a body, whether all of it was read, and the answer to a bad one."""

    first: bytes | None
    tail: bytes | None = None  # see IncomingPing
    ended: bool = True
    refused: Answer | None = None


NO_BODY = Body(None)


class PingApp:
    """Everything under `/ping/`.

    A request goes through `read`, `read_body` and `submit`, and its outcome through `answer_to`;
    `begin` does it for a whole request, without ASGI.
    """

    def __init__(
        self,
        batcher: Batcher,
        guard: Guard,
        trusted_proxies: int,
        body_patience: float = BODY_PATIENCE,
    ) -> None:
        self._batcher = batcher
        self._guard = guard
        self._trusted_proxies = trusted_proxies
        # A connection is one client's; a proxy may send anybody's pings on it.
        self.direct = trusted_proxies == 0
        self._body_patience = body_patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        received_at = utcnow()
        request = self.read(scope)
        if isinstance(request, Answer):
            unread = announces_body(dict(scope["headers"]))
            await _turn_away(request, scope, receive, send, unread=unread)
            return
        body = await self.read_body(request, receive)
        if body.refused is not None:
            await _turn_away(body.refused, scope, receive, send, unread=not body.ended)
            return
        try:
            answer = answer_to(await self.submit(request, body, received_at))
        except Unavailable:
            answer = NOT_STORED
        await answer.send(scope, send, last=not body.ended)

    def begin(self, scope: Scope, body: bytes) -> Answer | asyncio.Future[Outcome | NotCreated]:
        """Take a whole request whose body is in no coding; return what `answer_to` takes, or
        at once the answer to what is turned away.
        """
        received_at = utcnow()
        request = self.read(scope)
        if isinstance(request, Answer):
            return request
        try:
            return self.submit(request, _whole(body), received_at)
        except Unavailable:
            return NOT_STORED

    @staticmethod
    def answer_to(done: asyncio.Future[Outcome | NotCreated]) -> Answer:
        """Return the answer to a ping whose outcome is there."""
        return NOT_STORED if done.exception() else answer_to(done.result())

    def read(self, scope: Scope) -> PingRequest | Answer:
        """Return what the head of a request asks for, or the answer to what is turned away.

        It is counted by the guard, so call this once.
        """
        request = parse(scope, self._trusted_proxies)
        if isinstance(request, Refusal):
            return refusal(request)
        wait = self._guard.check(request.address.name, request.sender.remote_address)
        if wait:
            return slow_down(wait)
        query: bytes = scope["query_string"]
        return _with_query(request, query) if query else request

    async def read_body(self, request: PingRequest, receive: Receive) -> Body:
        """Return the body that follows a head. It waits at most `body_patience`."""
        if not request.has_body:
            return NO_BODY
        kept = Kept(BODY_KEPT, BODY_TAIL)
        if request.packed:
            kept = Unpacked(BODY_KEPT, BODY_TAIL, BODY_END)
        refused = None
        try:
            await read_into(kept, receive, BODY_END, self._body_patience)
        except (ConnectionError, TimeoutError):
            refused = TOO_SLOW
        except Broken:
            refused = BROKEN
        except TooLarge:
            refused = TOO_LARGE
        else:
            if not (kept.ended or kept.cut):  # ten megabytes of gzip with nothing in them
                refused = TOO_LARGE
        return Body(kept.first or None, kept.tail, kept.ended, refused)

    def submit(
        self, request: PingRequest, body: Body, received_at: datetime
    ) -> asyncio.Future[Outcome | NotCreated]:
        """Return the outcome to wait for; it is there after the commit.

        Raises Unavailable, now or through the future, when the ping could not be stored.
        """
        return self._batcher.submit(request.ping(received_at, body.first, body.tail))


def _with_query(request: PingRequest, query: bytes) -> PingRequest | Answer:
    asked = read_query(query)
    if isinstance(asked, Refusal):
        return refusal(asked)
    request.asked = asked
    if asked.wish is not None:
        wish = read_wish(asked.wish)
        if isinstance(wish, Refusal):
            return refusal(wish)
        if isinstance(request.address.name, ByName):
            request.wish = wish
    return request


def _whole(body: bytes) -> Body:
    if len(body) <= BODY_KEPT:
        return Body(body or None)
    kept = Kept(BODY_KEPT, BODY_TAIL)
    kept.take(body)
    return Body(kept.first, kept.tail)


async def _turn_away(
    answer: Answer, scope: Scope, receive: Receive, send: Send, *, unread: bool
) -> None:
    """Answer at once, and then let the rest of the body come in for a moment."""
    await answer.send(scope, send, last=unread)
    if unread and answer is not TOO_SLOW:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await read_into(Kept(0), receive, LINGER_BYTES, LINGER)
