"""How often one may ping: token buckets that all workers of a host share."""

import time
from collections.abc import Callable, Hashable
from functools import lru_cache
from ipaddress import IPv6Address
from math import ceil
from mmap import mmap
from uuid import UUID

from earlywatch.config import Settings
from earlywatch.domain.address import find_address

SLOTS = 2**18  # buckets that are remembered: 4 MB, and never more
WAYS = 4  # slots that a bucket may be in
SIZE = 8  # bytes of a tag, and of a moment
TAG = 2**64 - 1
NETWORK = 64  # bits that tell IPv6 customers apart
SLACK = 1e-6  # seconds that rounding may cost


class Buckets:
    """When each bucket will be full again: moments of `time.monotonic()`, the same in all workers.

    The memory is shared with processes that are forked later, so it must be made before. They
    take no lock, since one that is killed would never give it back: two that change a bucket at
    the same instant may count one ping too few. A bucket that is full needs no slot; where all
    slots of a place are in use, the bucket that would be full first is forgotten.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        """`slots` must be a power of two."""
        self._mask = slots // WAYS - 1
        memory = memoryview(mmap(-1, 2 * SIZE * slots))
        self._tags = memory[: SIZE * slots].cast("Q")
        self._moments = memory[SIZE * slots :].cast("d")

    def find(self, tag: int) -> tuple[int, float]:
        """Return the slot of a bucket, or the one that it may take, and when it will be full."""
        first = (tag & self._mask) * WAYS
        slots = range(first, first + WAYS)
        for slot in slots:
            if self._tags[slot] == tag:
                return slot, self._moments[slot]
        return min(slots, key=self._moments.__getitem__), 0.0

    def put(self, slot: int, tag: int, full_at: float) -> None:
        """Remember when a bucket will be full, in the slot that `find` gave."""
        self._tags[slot] = tag
        self._moments[slot] = full_at


class Limit:
    """At most `burst` at once, and then `rate` per second."""

    def __init__(self, buckets: Buckets, rate: float, burst: int) -> None:
        self._buckets = buckets
        self._interval = 1 / rate
        self._tolerance = (burst - 1) / rate + SLACK

    def look(self, name: Hashable, now: float) -> tuple[float, tuple[int, int, float]]:
        """Return the seconds to wait, at most 0 if none, and what `take` needs."""
        tag = _tag(name)
        slot, full_at = self._buckets.find(tag)
        wait = full_at - self._tolerance - now
        return wait, (slot, tag, max(now, full_at) + self._interval)

    def take(self, found: tuple[int, int, float]) -> None:
        """Take what `look` has found."""
        self._buckets.put(*found)


class Guard:
    """Both limits of the door: those of what is pinged, and those of who pings.

    Loopback is not limited: behind a proxy that nobody told us of, everybody comes from there.
    """

    def __init__(
        self, buckets: Buckets, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._names = Limit(buckets, settings.ping_rate, settings.ping_burst)
        self._addresses = Limit(buckets, settings.address_rate, settings.address_burst)
        self._clock = clock

    def check(self, name: Hashable, address: str | None) -> int:
        """Count a ping. Return 0, or the whole seconds after which to try again.

        What one limit refuses is not counted by the other.
        """
        now = self._clock()
        wait, by_name = self._names.look(name, now)
        source = _source(address) if address else None
        if source is None:
            if wait <= 0:
                self._names.take(by_name)
                return 0
            return max(1, ceil(wait))
        other_wait, by_address = self._addresses.look(source, now)
        wait = max(wait, other_wait)
        if wait > 0:
            return max(1, ceil(wait))
        self._names.take(by_name)
        self._addresses.take(by_address)
        return 0


def _tag(name: Hashable) -> int:
    # The hash of bytes and text has a secret key, drawn when Python starts and kept over a fork;
    # that of a UUID has none, and anybody could choose names that meet in one place.
    return hash(name.bytes if isinstance(name, UUID) else name) & TAG


@lru_cache(maxsize=4096)
def _source(address: str) -> str | None:
    """Return what is limited as one, None for loopback and for what is no address."""
    found = find_address(address)
    if found is None or found.is_loopback:
        return None
    if isinstance(found, IPv6Address):
        return f"{int(found) >> (found.max_prefixlen - NETWORK):x}"
    return str(found)
