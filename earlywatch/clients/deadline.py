"""Reading from a socket until a moment, however slowly the bytes drip."""

import io
import socket
import time


class DeadlineReader(io.RawIOBase):
    """The reading side of a socket with a limit on the whole, not on each read.

    A socket's own time-out starts anew with every byte. `until` is a moment of
    `time.monotonic()`; it may be moved on. Raises TimeoutError once it has passed.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.until = until
        self._sock = sock
        # Its own reference to the socket, which stays open until both are closed.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
