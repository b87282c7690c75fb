"""Webhooks on their way: signed, sent, tried again; and what a test lets go wrong."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.fakes.stripe.state import Obj

TIMEOUT = 30.0  # seconds for an endpoint to answer
WAITS = (0.5, 1, 2, 4, 8, 15, 30, 60)  # seconds between attempts; Stripe's last days
FIRST_2XX, AFTER_2XX = 200, 300

Post = Callable[[str, bytes, dict[str, str]], int]


@dataclass
class Faults:
    """What happens to events from now on; all may be switched at any time."""

    duplicate: bool = False  # sent twice
    reorder: bool = False  # what waits is sent newest first
    delay: bool = False  # kept until `deliver()`
    lose: bool = False  # never sent


@dataclass(eq=False)  # two copies of an event are two deliveries
class Delivery:
    """One event on its way to one endpoint."""

    event: Obj
    url: str
    secret: str
    held: bool = False
    attempts: int = 0
    next_at: float = 0.0  # monotonic seconds
    status: int | None = None  # the last answer, None if there was none


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a POST request; return the answer's status, 0 if there was none."""
    parts = urlsplit(url)
    plain = parts.scheme == "http"
    kind = http.client.HTTPConnection if plain else http.client.HTTPSConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def signature(payload: bytes, secret: str, moment: int) -> str:
    """Return the header `Stripe-Signature` for a payload signed at a moment (Unix seconds)."""
    signed = f"{moment}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


@dataclass
class Courier:
    """Takes events and brings them to endpoints, in a thread of its own or when told."""

    by_itself: bool = True
    signed_at: Callable[[], float] = time.time
    send: Post = post
    faults: Faults = field(default_factory=Faults)
    lost: list[Obj] = field(default_factory=list)
    _waiting: list[Delivery] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _bell: threading.Event = field(default_factory=threading.Event)
    _stopped: bool = False

    def take(self, event: Obj, url: str, secret: str) -> None:
        """Accept an event for an endpoint."""
        if self.faults.lose:
            self.lost.append(event)
            return
        copies = 2 if self.faults.duplicate else 1
        with self._lock:
            for _ in range(copies):
                self._waiting.append(Delivery(event, url, secret, held=self.faults.delay))
        self._bell.set()

    @property
    def undelivered(self) -> list[Obj]:
        """The events that no endpoint has accepted yet, oldest first; lost ones are not here."""
        with self._lock:
            return [delivery.event for delivery in self._waiting]

    def deliver(self) -> list[int]:
        """Send everything that waits, held or not, once; return the answers' statuses."""
        return [self._attempt(one) for one in self._next(lambda _delivery: True)]

    def run(self) -> None:
        """Deliver what is due, until stopped."""
        while not self._stopped:
            self._bell.wait(0.2)
            self._bell.clear()
            for delivery in self._next(self._is_due):
                if not self._stopped:
                    self._attempt(delivery)

    def stop(self) -> None:
        """Let `run` return after what it is sending."""
        self._stopped = True
        self._bell.set()

    def _is_due(self, delivery: Delivery) -> bool:
        tired = delivery.attempts > len(WAITS)
        return not delivery.held and not tired and delivery.next_at <= time.monotonic()

    def _next(self, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
        with self._lock:
            found = [one for one in self._waiting if wanted(one)]
        return found[::-1] if self.faults.reorder else found

    def _attempt(self, delivery: Delivery) -> int:
        """Send once; forget the delivery if it was accepted, else wait longer each time."""
        with self._sending:
            if not self._still_waits(delivery):  # the thread was faster
                return delivery.status or 0
            payload = json.dumps(delivery.event, indent=2).encode()
            header = signature(payload, delivery.secret, int(self.signed_at()))
            headers = {"Content-Type": "application/json", "Stripe-Signature": header}
            status = self.send(delivery.url, payload, headers)
            with self._lock:
                self._note(delivery, status)
        return status

    def _still_waits(self, delivery: Delivery) -> bool:
        with self._lock:
            return delivery in self._waiting

    def _note(self, delivery: Delivery, status: int) -> None:
        delivery.status = status
        delivery.held = False
        if FIRST_2XX <= status < AFTER_2XX:
            self._waiting.remove(delivery)
            return
        wait = WAITS[min(delivery.attempts, len(WAITS) - 1)]
        delivery.attempts += 1
        delivery.next_at = time.monotonic() + wait
