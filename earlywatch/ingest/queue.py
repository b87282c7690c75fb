"""Pings that wait for their commit; those of a locked monitor step aside, in their order."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from earlywatch.ingest.store import Unavailable
from earlywatch.services.pings import IncomingPing, Outcome

LARGEST_BATCH = 500  # pings
LARGEST_BATCH_BYTES = 4_000_000  # of bodies
MOST_WAITING = 5_000  # pings
MOST_WAITING_BYTES = 64_000_000  # of bodies
MOST_ASIDE = 4_000  # pings of monitors that are locked
MOST_ASIDE_BYTES = 64_000_000  # of bodies
MOST_OF_ONE = 400  # pings of one of them: a busy one must not use up the room of the others
LOCKED_PATIENCE = 5.0  # seconds; whoever waits longer for a locked monitor is refused
LONGEST_PAUSE = 0.1  # seconds between two tries of a locked monitor


@dataclass(slots=True, eq=False)
class Waiting:
    """A ping and who waits for its outcome, `since` a moment of the event loop's clock."""

    ping: IncomingPing
    since: float
    future: asyncio.Future[Outcome]
    size: int = field(init=False)  # bytes

    def __post_init__(self) -> None:
        self.size = len(self.ping.body) if self.ping.body else 0

    def settle(self, outcome: Outcome) -> None:
        """Tell the outcome. A client that went away does not listen any more."""
        if not self.future.done():
            self.future.set_result(outcome)

    def refuse(self) -> None:
        """Tell that the ping could not be stored."""
        if not self.future.done():
            self.future.set_exception(Unavailable())


@dataclass(slots=True)
class Room:
    """A bounded place for pings."""

    pings: int
    bytes: int

    @property
    def too_full(self) -> bool:
        """Whether it holds more than it should."""
        return self.pings < 0 or self.bytes < 0

    def holds(self, size: int) -> bool:
        """Whether a ping with `size` bytes of body still fits."""
        return self.pings > 0 and self.bytes >= size

    def take(self, size: int) -> None:
        """Give a ping its place."""
        self.pings -= 1
        self.bytes -= size

    def give_back(self, size: int) -> None:
        """Have the place of a ping again."""
        self.pings += 1
        self.bytes += size


@dataclass(slots=True)
class Aside:
    """The pings of one monitor that somebody else holds, and when to try again."""

    pings: deque[Waiting]
    retry_at: float


class Queue:
    """First come, first served, and for each monitor strictly so."""

    def __init__(self) -> None:
        self._line: deque[Waiting] = deque()
        self._aside: dict[UUID, Aside] = {}
        self._line_room = Room(MOST_WAITING, MOST_WAITING_BYTES)
        self._aside_room = Room(MOST_ASIDE, MOST_ASIDE_BYTES)

    def __bool__(self) -> bool:
        return bool(self._line or self._aside)

    def add(self, waiting: Waiting) -> None:
        """Let a ping wait. Raises Unavailable when too much waits already."""
        if not self._line_room.holds(waiting.size):
            raise Unavailable
        self._line_room.take(waiting.size)
        self._line.append(waiting)

    def pause(self, now: float) -> float | None:
        """Return the seconds until something can be tried, None if nothing waits."""
        if self._line:
            return 0.0
        return min((max(0.0, a.retry_at - now) for a in self._aside.values()), default=None)

    def take(self, now: float) -> list[Waiting]:
        """Take out the next batch. Locked monitors get at most half of it."""
        batch: list[Waiting] = []
        room = Room(LARGEST_BATCH // 2, LARGEST_BATCH_BYTES // 2)
        for key in [key for key, aside in self._aside.items() if aside.retry_at <= now]:
            batch += self._from_aside(key, room)
        room.pings += LARGEST_BATCH // 2
        room.bytes += LARGEST_BATCH_BYTES // 2
        while self._line and room.pings > 0 and room.bytes > 0:
            waiting = self._line.popleft()
            self._line_room.give_back(waiting.size)
            aside = self._aside.get(waiting.ping.ping_key)
            if aside is None:
                room.take(waiting.size)
                batch.append(waiting)
            elif len(aside.pings) < MOST_OF_ONE and self._aside_room.holds(waiting.size):
                self._aside_room.take(waiting.size)
                aside.pings.append(waiting)
            else:
                waiting.refuse()
        return batch

    def put_back(self, locked: Iterable[Waiting], now: float) -> None:
        """Let pings of a batch, whose monitors were locked, wait before the later ones.

        Those that waited too long are refused, and the newest ones where there is no room.
        """
        for key, kept in _by_monitor(locked).items():
            for waiting in kept:
                self._aside_room.take(waiting.size)
            behind = self._aside.pop(key, None)
            kept.extend(behind.pings if behind else ())
            while kept and now - kept[0].since > LOCKED_PATIENCE:
                self._refuse(kept.popleft())
            while len(kept) > MOST_OF_ONE or (kept and self._aside_room.too_full):
                self._refuse(kept.pop())
            if kept:
                # Soon at first, since most locks are those of another process's batch.
                pause = min((now - kept[0].since) / 4, LONGEST_PAUSE)
                self._aside[key] = Aside(kept, now + pause)

    def drain(self) -> Iterator[Waiting]:
        """Take out everything."""
        while self._line:
            waiting = self._line.popleft()
            self._line_room.give_back(waiting.size)
            yield waiting
        while self._aside:
            for waiting in self._aside.popitem()[1].pings:
                self._aside_room.give_back(waiting.size)
                yield waiting

    def _from_aside(self, key: UUID, room: Room) -> Iterator[Waiting]:
        pings = self._aside[key].pings
        while pings and room.pings > 0 and room.bytes > 0:
            waiting = pings.popleft()
            self._aside_room.give_back(waiting.size)
            room.take(waiting.size)
            yield waiting
        if not pings:
            del self._aside[key]

    def _refuse(self, waiting: Waiting) -> None:
        self._aside_room.give_back(waiting.size)
        waiting.refuse()


def _by_monitor(pings: Iterable[Waiting]) -> dict[UUID, deque[Waiting]]:
    """Return pings by the key of their monitor, in the order in which they were given."""
    found: dict[UUID, deque[Waiting]] = {}
    for waiting in pings:
        found.setdefault(waiting.ping.ping_key, deque()).append(waiting)
    return found
