"""Waiting for what happens in other processes: conditions, never a fixed sleep."""

import socket
import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], seconds: float, what: str, every: float = 0.02
) -> None:
    """Return once `condition` holds; fail, naming `what` was awaited, after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(every)


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
