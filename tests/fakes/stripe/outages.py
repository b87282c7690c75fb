"""Stripe being ill, on demand: down, slow, or silent after the work was done."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.fakes.stripe.http import Request, Response

UNAVAILABLE = Response.as_json(
    503, {"error": {"type": "api_error", "message": "Stripe is unavailable."}}
)
BROKEN = Response.as_json(
    500, {"error": {"type": "api_error", "message": "An unknown error occurred."}}
)


@dataclass
class Illness:
    """An outage that lasts until `end()` or the end of a `with` block."""

    end: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


@dataclass
class Outages:
    """What is wrong with the API now. Pages work on: people are elsewhere then."""

    refusing: bool = False  # connections are closed without an answer
    unavailable: bool = False  # 503
    slow: float = 0.0  # seconds before the work begins
    _to_fail: int = 0
    _drop: bool = False
    _only: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> None:
        """Everything is well again."""
        self.refusing, self.unavailable, self.slow, self._to_fail = False, False, 0.0, 0

    def fail_next(self, count: int, drop: bool, only: str) -> None:
        """The next calls that change something, at paths with `only`, work and then fail."""
        self._to_fail, self._drop, self._only = count, drop, only

    def before(self) -> tuple[bool, Response | None]:
        """Wait if slow; return whether the call is over before it began, and its answer."""
        if self.slow:
            time.sleep(self.slow)
        if self.refusing:
            return True, None
        return self.unavailable, UNAVAILABLE if self.unavailable else None

    def after(self, request: Request, response: Response) -> Response | None:
        """Return the answer as it arrives: ours, a 500, or None for a dropped connection."""
        asks = request.method == "GET" or request.path.endswith("/create_preview")
        changes = not asks and response.status < BROKEN.status and self._only in request.path
        replayed = "Idempotent-Replayed" in response.headers
        with self._lock:
            if not self._to_fail or not changes or replayed:
                return response
            self._to_fail -= 1
            return None if self._drop else BROKEN
