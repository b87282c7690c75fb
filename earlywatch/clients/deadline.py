"""Sockets that connect, send and read until a moment, however slow the other side is.

Moments are those of `time.monotonic()`. A socket's own time-out starts anew with every byte.
"""

import io
import socket
import time
from collections.abc import Sequence
from typing import Any

Place = tuple[socket.AddressFamily, Any]  # a family, and an address of it with its port


def time_left(until: float) -> float:
    """Return the seconds until a moment. Raises TimeoutError if it has passed."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def connect(places: Sequence[Place], until: float, longest: float) -> socket.socket:
    """Return a connection to the first place that answers. Raises OSError.

    Silent places share the time that is left; none gets more than `longest` seconds. If one was
    silent, that is the error: it took the time.
    """
    failure = OSError("a name without an address")
    for number, (family, address) in enumerate(places):
        share = time_left(until) / (len(places) - number)
        try:
            return _connect(family, address, min(share, longest))
        except OSError as error:
            failure = failure if isinstance(failure, TimeoutError) else error
    raise failure


def send_all(sock: socket.socket, content: bytes, until: float) -> None:
    """Send everything. Raises TimeoutError if that takes too long, or another OSError."""
    rest = memoryview(content)
    while rest:
        sock.settimeout(time_left(until))
        rest = rest[sock.send(rest) :]


class DeadlineReader(io.RawIOBase):
    """The reading side of a socket with a limit on the whole, not on each read.

    `until` may be moved on. Raises TimeoutError once it has passed.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.until = until
        self._sock = sock
        # Its own reference to the socket, which stays open until both are closed.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._sock.settimeout(time_left(self.until))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def caused_by(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Tell whether an error, or one that it was raised in the middle of, is of one of `kinds`."""
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__context__
    return False


def _connect(family: socket.AddressFamily, address: Any, seconds: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
