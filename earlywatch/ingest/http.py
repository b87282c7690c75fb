"""What ASGI passes to and fro: bodies, and answers that are made once and sent often."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

# Any page may send a ping, and nothing on the way may answer in our place.
COMMON: Headers = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-store"),
)
NO_BODY: Message = {"type": "http.response.body", "body": b""}


@dataclass(frozen=True)
class Answer:
    """A plain text answer."""

    status: int
    words: str
    extra: Headers = ()
    start: Message = field(init=False)
    body: Message = field(init=False)

    def __post_init__(self) -> None:
        words = self.words.encode()
        length = (b"content-length", str(len(words)).encode())
        headers = [*COMMON, length, *self.extra]
        start = {"type": "http.response.start", "status": self.status, "headers": headers}
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "body", {"type": "http.response.body", "body": words})

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it; HEAD gets the head alone."""
        await send(self.start)
        await send(NO_BODY if scope["method"] == "HEAD" else self.body)


async def read_body(receive: Receive, keep: int, most: int, patience: float) -> tuple[bytes, bool]:
    """Return the first `keep` bytes of a body, and whether there was more.

    The rest is read and dropped, so that a client that sends too much is not cut off in the
    middle; beyond `most` bytes it is. Raises ConnectionError when the client goes away, and
    TimeoutError when the body is not there after `patience` seconds.
    """
    kept = bytearray()
    total, more = 0, True
    async with asyncio.timeout(patience):
        while more and total <= most:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunk = message.get("body", b"")
            total += len(chunk)
            kept += chunk[: keep - len(kept)]
            more = message.get("more_body", False)
    return bytes(kept), total > keep
