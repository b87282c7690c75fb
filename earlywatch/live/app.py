"""`/live/<token>`: server-sent events that say "look", and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from earlywatch.clock import utcnow
from earlywatch.live.hub import Hub
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken

Scope = MutableMapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEARTBEAT = 15.0  # seconds; proxies close what is silent for longer
CALM = 0.5  # seconds between two events: a page cannot use more
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep the events to itself
]
CHANGED = b"data: {}\n\n"
STILL_HERE = b": still here\n\n"


class LiveApp:
    """The token names the workspace, so that no session and no query is needed."""

    def __init__(self, hub: Hub, links: Links) -> None:
        self._hub = hub
        self._links = links

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Stream events until the browser leaves, the token is too old or the process stops."""
        token = scope["path"].removeprefix("/live/")
        try:
            workspace_id = self._links.read_live(token, utcnow())
        except InvalidToken as error:
            await _refuse(send, 403, str(error))
            return
        if self._hub.full or self._hub.ended:
            await _refuse(send, 503, "Too many open pages.")
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] != "HEAD":
            await self._stream(workspace_id, token, send)
        await send({"type": "http.response.body", "body": b""})

    async def _stream(self, workspace_id: int, token: str, send: Send) -> None:
        with self._hub.bell(workspace_id) as bell:
            while True:
                changed = await bell.wait(HEARTBEAT)
                if self._hub.ended or not self._valid(token):
                    return
                event = CHANGED if changed else STILL_HERE
                await send({"type": "http.response.body", "body": event, "more_body": True})
                await asyncio.sleep(CALM)

    def _valid(self, token: str) -> bool:
        try:
            self._links.read_live(token, utcnow())
        except InvalidToken:
            return False
        return True


async def _refuse(send: Send, status: int, words: str) -> None:
    body = words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
