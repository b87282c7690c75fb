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
NO_WORDS: Message = {"type": "http.response.body", "body": b""}  # the answer to HEAD
CLOSE = (b"connection", b"close")
GAP = b"\n\n"  # where bytes of a body are missing, so that no word is found across it


@dataclass(frozen=True)
class Answer:
    """A plain text answer."""

    status: int
    words: str
    extra: Headers = ()
    start: Message = field(init=False)
    last_start: Message = field(init=False)  # of the last answer on a connection
    body: Message = field(init=False)
    lines: bytes = field(init=False)  # its headers as they are sent

    def __post_init__(self) -> None:
        words = self.words.encode()
        length = (b"content-length", str(len(words)).encode())
        headers = [*COMMON, length, *self.extra]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        object.__setattr__(self, "lines", lines)
        for name, added in (("start", ()), ("last_start", (CLOSE,))):
            start = {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*headers, *added],
            }
            object.__setattr__(self, name, start)
        object.__setattr__(self, "body", {"type": "http.response.body", "body": words})

    async def send(self, scope: Scope, send: Send, *, last: bool = False) -> None:
        """Send it, saying if it is the last on its connection; HEAD gets the head alone."""
        await send(self.last_start if last else self.start)
        await send(NO_WORDS if scope["method"] == "HEAD" else self.body)


class Kept:
    """The first bytes of a body, the last ones of a longer one, and how many there were."""

    def __init__(self, keep: int, keep_last: int = 0) -> None:
        """Both should be even: see `tail`."""
        self._keep = keep
        self._keep_last = keep_last
        self._first = bytearray()
        self._last = bytearray()
        self.total = 0
        self.ended = False  # all of it was read

    @property
    def first(self) -> bytes:
        """What is kept of the beginning."""
        return bytes(self._first)

    @property
    def tail(self) -> bytes | None:
        """The end, to be put behind `first`; None if there was no more."""
        if not self.cut:
            return None
        if not self.missing:
            return bytes(self._last)
        # In UTF-16 two bytes are a character, and GAP is one too.
        return GAP + bytes(self._last[self.missing % 2 :])

    @property
    def missing(self) -> int:
        """How many bytes between the first and the last ones are not kept."""
        return max(0, self.total - self._keep - len(self._last))

    @property
    def cut(self) -> bool:
        """Whether there was more."""
        return self.total > self._keep

    async def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.take(piece)

    def take(self, piece: bytes) -> None:
        """Take the next piece as it is."""
        self.total += len(piece)
        room = self._keep - len(self._first)
        if room:
            self._first += piece[:room]
        if self._keep_last and len(piece) > room:
            self._last += piece[max(room, len(piece) - self._keep_last) :]
            del self._last[: -self._keep_last]

    def end(self) -> None:
        """There are no more pieces."""


async def read_into(kept: Kept, receive: Receive, most: int, patience: float) -> None:
    """Read a body.

    What is not kept is read and dropped, so that a client that sends too much is not cut off in
    the middle; beyond `most` bytes or `patience` seconds it is. Raises ConnectionError when the
    client goes away, and TimeoutError when after `patience` not even what is kept has come.
    """
    read = 0
    try:
        async with asyncio.timeout(patience):
            while read <= most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError
                piece = message.get("body", b"")
                read += len(piece)
                kept.ended = not message.get("more_body", False)
                await kept.add(piece)
                if kept.ended:
                    kept.end()
                    return
    except TimeoutError:
        if not kept.cut:
            raise


async def read_body(receive: Receive, keep: int, most: int, patience: float) -> tuple[bytes, bool]:
    """Return the first `keep` bytes of a body, and whether there was more. See `read_into`."""
    kept = Kept(keep)
    await read_into(kept, receive, most, patience)
    return kept.first, kept.cut
