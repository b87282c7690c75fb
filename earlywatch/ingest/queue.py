"""Pings that wait for their commit; those that cannot be stored yet step aside, in their order."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from earlywatch.ingest.store import Unavailable
from earlywatch.services.incoming import IncomingPing, Name, NotCreated, Outcome
from earlywatch.services.ping_names import MOST_COSTLY

LARGEST_BATCH = 500  # pings
LARGEST_BATCH_BYTES = 1_000_000  # of bodies, and one that was too long for the rest of it
MOST_WAITING = 5_000  # pings
MOST_WAITING_BYTES = 64_000_000  # of bodies
MOST_ASIDE = 4_000  # pings of monitors that are locked, and pings that were postponed
MOST_ASIDE_BYTES = 64_000_000  # of bodies
MOST_OF_ONE = 400  # pings of one of them: a busy one must not use up the room of the others
LOCKED_PATIENCE = 5.0  # seconds; whoever waits longer for a locked monitor is refused
LONGEST_PAUSE = 0.1  # seconds between two tries of a locked monitor


@dataclass(slots=True, eq=False)
class Waiting:
    """A ping and who waits for its outcome.

    `since`, a moment of the event loop's clock, is when its patience began.
    """

    ping: IncomingPing
    since: float
    future: asyncio.Future[Outcome | NotCreated]
    size: int = field(init=False)  # bytes
    postponed: bool = False

    def __post_init__(self) -> None:
        self.size = len(self.ping.body or b"") + len(self.ping.tail or b"")

    def postpone(self, now: float) -> None:
        """Have patience anew: nobody holds its monitor, and every batch takes some of its like."""
        self.since, self.postponed = now, True

    def settle(self, outcome: Outcome | NotCreated) -> None:
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
        self._aside: dict[Name, Aside] = {}
        self._line_room = Room(MOST_WAITING, MOST_WAITING_BYTES)
        self._aside_room = Room(MOST_ASIDE, MOST_ASIDE_BYTES)

    def __bool__(self) -> bool:
        return bool(self._line or self._aside)

    @property
    def in_line(self) -> int:
        """How many pings can be tried at once."""
        return len(self._line)

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
        """Take out the next batch. What stepped aside gets at most half of it."""
        batch: list[Waiting] = []
        room = Room(LARGEST_BATCH // 2, LARGEST_BATCH_BYTES // 2)
        for name in self._due(now):
            batch += self._from_aside(name, room)
        room.pings += LARGEST_BATCH // 2
        room.bytes += LARGEST_BATCH_BYTES // 2
        while self._line and room.pings > 0 and room.bytes > 0:
            waiting = self._line.popleft()
            self._line_room.give_back(waiting.size)
            aside = self._aside.get(waiting.ping.name)
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
        for name, kept in _by_name(locked).items():
            for waiting in kept:
                self._aside_room.take(waiting.size)
            behind = self._aside.pop(name, None)
            kept.extend(behind.pings if behind else ())
            while kept and now - kept[0].since > LOCKED_PATIENCE:
                self._refuse(kept.popleft())
            while len(kept) > MOST_OF_ONE or (kept and self._aside_room.too_full):
                self._refuse(kept.pop())
            if kept:
                # Soon at first, since most locks are those of another process's batch.
                pause = min((now - kept[0].since) / 4, LONGEST_PAUSE)
                self._aside[name] = Aside(kept, now + pause)

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

    def _due(self, now: float) -> list[Name]:
        """Return what to try again; of what was postponed, no more than can be taken."""
        due, postponed = [], 0
        for name, aside in self._aside.items():
            if aside.retry_at <= now and (not aside.pings[0].postponed or postponed < MOST_COSTLY):
                due.append(name)
                postponed += aside.pings[0].postponed
        return due

    def _from_aside(self, name: Name, room: Room) -> Iterator[Waiting]:
        pings = self._aside[name].pings
        while pings and room.pings > 0 and room.bytes > 0:
            waiting = pings.popleft()
            self._aside_room.give_back(waiting.size)
            room.take(waiting.size)
            yield waiting
        if not pings:
            del self._aside[name]

    def _refuse(self, waiting: Waiting) -> None:
        self._aside_room.give_back(waiting.size)
        waiting.refuse()


def _by_name(pings: Iterable[Waiting]) -> dict[Name, deque[Waiting]]:
    """Return pings by what they call their monitor, in the order in which they were given."""
    found: dict[Name, deque[Waiting]] = {}
    for waiting in pings:
        found.setdefault(waiting.ping.name, deque()).append(waiting)
    return found
