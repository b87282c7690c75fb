"""The fake itself: server, clock, webhooks, and the switches that tests turn."""

import logging
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from tests.fakes.stripe import due, endpoints, ledger, pages, refunds
from tests.fakes.stripe.api import Api
from tests.fakes.stripe.clock import Clock
from tests.fakes.stripe.delivery import Courier, Faults, Post, post
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.http import Request, Response
from tests.fakes.stripe.outages import BROKEN, Illness, Outages
from tests.fakes.stripe.server import Server
from tests.fakes.stripe.state import Obj, Rules, State

logger = logging.getLogger(__name__)

WEBHOOK_SECRET = "whsec_earlywatch"
CATCH_UP = 1.0  # seconds between looks at the real clock


class FakeStripe:
    """A Stripe account on loopback; see the package's docstring for how to use it."""

    def __init__(
        self,
        now: datetime | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = WEBHOOK_SECRET,
        *,
        port: int = 0,
        rules: Rules | None = None,
        deliver_by_itself: bool = True,
        signed_at: Callable[[], float] = time.time,
        send: Post = post,
    ) -> None:
        """Without `now` the clock is the real time, and what is due happens every second.

        `send` brings a webhook to its endpoint: (url, body, headers) → status, 0 for none.
        """
        self.clock = Clock(now)
        self._real_time = now is None
        self._lock = threading.RLock()
        self._server = Server(port, self._answer)
        self.url = self._server.url
        self.state = State(self.clock, self.url, rules or Rules(), on_event=self._on_event)
        self.api = Api(self.state)
        self.outages = Outages()
        self.courier = Courier(deliver_by_itself, signed_at, send)
        self.crashes: list[Exception] = []
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        if webhook_url:
            endpoints.add(self.state, webhook_url, webhook_secret)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.crashes and kind is None:
            raise AssertionError("the fake Stripe itself failed") from self.crashes[0]

    def start(self) -> None:
        """Serve, deliver and, on the real clock, let due things happen."""
        self._server.start()
        if self.courier.by_itself:
            self._threads.append(threading.Thread(target=self.courier.run, daemon=True))
        if self._real_time:
            self._threads.append(threading.Thread(target=self._keep_up, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop serving; nothing of it is left."""
        self._stopped.set()
        self.courier.stop()
        self._server.close()
        for thread in self._threads:
            thread.join(5)

    # Time

    def advance(self, to: datetime | None = None, by: timedelta | None = None) -> None:
        """Move the clock; everything that is due by then happens at its own moment."""
        with self._lock:
            target = self.clock.now + by if by is not None else to
            assert target is not None, "say `to` or `by`"
            self._let_happen(int(target.timestamp()))
            self.clock.set(int(target.timestamp()))

    def _let_happen(self, target: int) -> None:
        while (one := due.next_due(self.state)) and one.at <= target:
            if not self._real_time:
                self.clock.set(one.at)
            one.act(self.state, one.about)

    def _keep_up(self) -> None:
        while not self._stopped.wait(CATCH_UP):
            self._guarded(self._catch_up)

    def _catch_up(self) -> Response:
        self._let_happen(self.clock())
        return Response(204, b"")

    # Webhooks

    @property
    def faults(self) -> Faults:
        """What goes wrong with webhooks: set `duplicate`, `reorder`, `delay`, `lose`."""
        return self.courier.faults

    @property
    def undelivered(self) -> list[Obj]:
        """Events that no endpoint has accepted yet."""
        return self.courier.undelivered

    def deliver(self) -> list[int]:
        """Send what waits, also what a fault holds back; return the answers' statuses."""
        return self.courier.deliver()

    def emit(self, kind: str, obj: Obj) -> None:
        """Send an event of any type about anything."""
        with self._lock:
            self.state.emit(kind, obj)

    def _on_event(self, event: Obj) -> None:
        for endpoint in endpoints.wanting(self.state, event["type"]):
            secret = self.state.secrets[endpoint["id"]]
            self.courier.take(deepcopy(event), endpoint["url"], secret)

    # What banks and card networks do

    def dispute(self, charge_id: str, reason: str = "fraudulent") -> Obj:
        """The customer's bank takes a payment back."""
        with self._lock:
            return refunds.dispute(self.state, self.state.get("charge", charge_id), reason)

    def close_dispute(self, dispute_id: str, won: bool) -> Obj:
        """The bank decides about a dispute."""
        with self._lock:
            made = self.state.get("dispute", dispute_id)
            return refunds.close_dispute(self.state, made, won)

    def fail_refund(self, refund_id: str) -> None:
        """The customer's bank sends a refund back."""
        with self._lock:
            refunds.fail(self.state, self.state.get("refund", refund_id))

    def fraud_warning(self, charge_id: str) -> Obj:
        """The card's issuer suspects a payment."""
        with self._lock:
            return refunds.warn_of_fraud(self.state, self.state.get("charge", charge_id))

    def replace_card(self, payment_method_id: str, last4: str) -> None:
        """The network tells us the new number of a card that was renewed."""
        with self._lock:
            method = self.state.get("payment_method", payment_method_id)
            with self.state.changing(method, "payment_method.automatically_updated"):
                method["card"] = {**method["card"], "last4": last4}

    # Outages

    def down(self, answering: bool = False) -> Illness:
        """Refuse every call of the API (`answering`: with a 503) until `up()`."""
        self.outages.refusing, self.outages.unavailable = not answering, answering
        return Illness(self.up)

    def hang(self, seconds: float) -> Illness:
        """Begin every call so many seconds late, until `up()`."""
        self.outages.slow = seconds
        return Illness(self.up)

    def fail_after_effect(self, calls: int = 1, drop: bool = False, only: str = "") -> Illness:
        """Let the next calls do their work, then answer 500 or (`drop`) nothing at all.

        `only` names a part of their path, such as "/refunds".
        """
        self.outages.fail_next(calls, drop, only)
        return Illness(self.up)

    def up(self) -> None:
        """End every outage."""
        self.outages.end()

    # What a test asks

    def get(self, key: str) -> Obj:
        """Return a copy of any object by its id."""
        with self._lock:
            found = self.state.find(key)
            assert found is not None, f"no object {key}"
            return deepcopy(found)

    def all(self, kind: str, **wanted: object) -> list[Obj]:
        """Return copies of objects such as `subscription`, with these values, newest first."""
        with self._lock:
            return deepcopy(self.state.all(kind, **wanted))

    def ledger(self, customer: str | None = None) -> list[ledger.Entry]:
        """Return every payment and refund, oldest first."""
        with self._lock:
            return ledger.entries(self.state, customer)

    # Requests

    def _answer(self, request: Request) -> Response | None:
        """Answer a call of the API, or show a page."""
        if not request.path.startswith("/v1/"):
            return self._guarded(lambda: pages.answer(self.state, request))
        over, early = self.outages.before()
        if over:
            return early
        response = self._guarded(lambda: self.api.answer(request))
        after = self.outages.after(request, response)
        if after is BROKEN:
            with self._lock:
                self.api.forget_answer(request, BROKEN)
        return after

    def _guarded(self, work: Callable[[], Response]) -> Response:
        with self._lock:
            try:
                return work()
            except Refused as error:
                return Response.as_json(error.status, {"error": error.error})
            except Exception as error:  # a bug of ours must not look like a lost connection
                logger.exception("the fake Stripe failed")
                self.crashes.append(error)
                return BROKEN
