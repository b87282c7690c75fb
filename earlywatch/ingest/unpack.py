"""Bodies in gzip, unpacked piece by piece: a small one may be a bomb."""

import asyncio
import zlib

from earlywatch.ingest.http import Kept

GZIP = 16 + zlib.MAX_WBITS  # zlib reads the head and checks the sum at the end
STEP = 65_536  # bytes unpacked at once, a fraction of a millisecond; then it is others' turn
# What unpacks to more than so many times what was sent is not what a job writes.
FREE, MOST_RATIO = 1_000_000, 200  # bytes that may come of anything; then so many of each byte
MOST_MEMBERS = 1_000  # that one body is made of; empty ones would cost us and hold nothing


class Broken(Exception):
    """It is no gzip, or ends too soon."""


class TooLarge(Exception):
    """Unpacked, there is more of it than we read, or too much for so few bytes."""


class Unpacked(Kept):
    """The first and last bytes of what is in a gzip, which may hold at most `most`."""

    def __init__(self, keep: int, keep_last: int, most: int) -> None:
        super().__init__(keep, keep_last)
        self._most = most
        self._packed = 0  # bytes of it that were unpacked
        self._members = 0
        self._open: zlib._Decompress | None = None

    async def add(self, piece: bytes) -> None:
        """Unpack the next piece. Raises Broken and TooLarge."""
        more = bool(piece)
        while more:
            unpacked, rest = self._step(piece)
            self.take(unpacked)
            self._packed += len(piece) - len(rest)
            piece = rest
            if self.total > min(self._most, max(FREE, MOST_RATIO * self._packed)):
                raise TooLarge
            # After a full step zlib may hold back more, even without further bytes.
            more = bool(piece) or len(unpacked) == STEP
            if more:
                await asyncio.sleep(0)

    def end(self) -> None:
        """Raise Broken if something is missing."""
        if self._open is not None:
            raise Broken

    def _step(self, piece: bytes) -> tuple[bytes, bytes]:
        """Return some unpacked bytes, and what is left of `piece`."""
        member = self._open or self._begin()
        try:
            unpacked = member.decompress(piece, STEP)
        except zlib.error:
            raise Broken from None
        if not member.eof:
            return unpacked, member.unconsumed_tail
        self._open = None
        return unpacked, member.unused_data.lstrip(b"\0")  # padding, as gzip itself takes it

    def _begin(self) -> "zlib._Decompress":
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise TooLarge
        self._open = zlib.decompressobj(GZIP)
        return self._open
