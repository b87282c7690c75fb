"""Everything this Stripe knows: objects by kind and id, its moment, and what it has to tell."""

import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from stripe import api_version

from tests.fakes.stripe.cards import Card
from tests.fakes.stripe.errors import no_such
from tests.fakes.stripe.segments import Segment

Obj = dict[str, Any]  # an object as the API shows it
DAYS_OF_RETRIES = (3, 5, 7, 14)  # after the first attempt


@dataclass(frozen=True)
class Awaited:
    """What depends on an invoice: what its payment does, and what follows if none comes."""

    expires_at: int  # Unix seconds; the invoice is voided then
    on_paid: Callable[[], None]
    on_dropped: Callable[[], None]
    on_failed: Callable[[], None] | None = None  # instead of waiting on


@dataclass
class Rules:
    """What an account's owner sets in Stripe's dashboard; a test may change it."""

    hours_as_draft: float = 1.0
    retry_days: tuple[int, ...] = DAYS_OF_RETRIES
    after_retries: str = "canceled"  # or "unpaid", "past_due"
    upcoming_days: int = 7  # `invoice.upcoming` comes so long before a renewal


@dataclass
class State:
    """The account's memory. Whoever reads or writes it holds the lock of the server."""

    clock: Callable[[], int]
    url: str = ""
    rules: Rules = field(default_factory=Rules)
    tables: dict[str, dict[str, Obj]] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)  # by payment method
    billed: dict[str, list[Segment]] = field(default_factory=dict)  # by subscription item
    waiting_lines: dict[str, Any] = field(default_factory=dict)  # Line by invoice item
    swept: dict[str, list[str]] = field(default_factory=dict)  # invoice items that had waited
    awaited: dict[str, Awaited] = field(default_factory=dict)  # by invoice
    checkouts: dict[str, Obj] = field(default_factory=dict)  # what a session sells
    secrets: dict[str, str] = field(default_factory=dict)  # by webhook endpoint
    doubted: dict[str, int] = field(default_factory=dict)  # when a bank speaks, by charge
    announced: dict[str, int] = field(default_factory=dict)  # period end by subscription
    on_event: Callable[[Obj], None] = lambda _event: None
    request: Obj = field(default_factory=lambda: {"id": None, "idempotency_key": None})
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _salt: str = field(default_factory=lambda: secrets.token_hex(5))

    @property
    def now(self) -> int:
        """The moment, in Unix seconds."""
        return self.clock()

    def new_id(self, prefix: str) -> str:
        """Return an id that no other object has, in this run or another."""
        return f"{prefix}_{self._salt}{next(self._numbers):08d}"

    def table(self, kind: str) -> dict[str, Obj]:
        """Return the objects of a kind by id, oldest first."""
        return self.tables.setdefault(kind, {})

    def add(self, obj: Obj) -> Obj:
        """Store a new object."""
        self.table(obj["object"])[obj["id"]] = obj
        return obj

    def all(self, kind: str, **wanted: Any) -> list[Obj]:
        """Return the objects whose fields have these values, newest first."""
        found = [
            obj
            for obj in self.table(kind).values()
            if all(obj.get(name) == value for name, value in wanted.items())
        ]
        return found[::-1]

    def get(self, kind: str, key: str, param: str = "id") -> Obj:
        """Return an object. Raises Refused (404) if it is not there."""
        found = self.table(kind).get(key)
        if found is None:
            raise no_such(kind, key, param)
        return found

    def find(self, key: str) -> Obj | None:
        """Return the object of whatever kind that has this id."""
        return next((table[key] for table in self.tables.values() if key in table), None)

    def emit(self, kind: str, obj: Obj, previous: Obj | None = None) -> None:
        """Tell the world: an event with the object as it is now."""
        data: Obj = {"object": deepcopy(obj)}
        if previous is not None:
            data["previous_attributes"] = deepcopy(previous)
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": api_version,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": dict(self.request),
            "type": kind,
        }
        self.on_event(self.add(event))

    @contextmanager
    def changing(self, obj: Obj, event: str) -> Iterator[None]:
        """Tell the world about what the block changed in the object, if anything."""
        before = json.dumps(obj)
        yield
        old = json.loads(before)
        changed = {name: old.get(name) for name in obj if obj[name] != old.get(name)}
        if changed:
            self.emit(event, obj, changed)


def merged(old: dict[str, str], new: dict[str, str] | str | None) -> dict[str, str]:
    """Return metadata after an update: "" clears a key, or all."""
    if new is None:
        return old
    if isinstance(new, str):
        return {}
    return {name: value for name, value in {**old, **new}.items() if value != ""}
