"""Pings of locked monitors step aside: in their order, and without using up everybody's room."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from earlywatch.clock import utcnow
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.http import Message, read_body
from earlywatch.ingest.queue import (
    LARGEST_BATCH,
    LOCKED_PATIENCE,
    LONGEST_PAUSE,
    MOST_ASIDE,
    MOST_OF_ONE,
    MOST_WAITING,
    Queue,
    Waiting,
)
from earlywatch.ingest.store import Unavailable
from earlywatch.services.pings import IncomingPing, Outcome

LOCKED, FREE = UUID(int=1), UUID(int=2)
LATER = LONGEST_PAUSE  # seconds after which a locked monitor is tried again

Add = Callable[..., list[Waiting]]


@pytest.fixture
def queue() -> Queue:
    """An empty queue; it begins at moment 0."""
    return Queue()


@pytest.fixture
def add(queue: Queue) -> Add:
    """Let so many pings of a monitor wait; return them."""
    loop = asyncio.new_event_loop()
    loop.close()

    def add(key: UUID, count: int = 1, at: float = 0.0) -> list[Waiting]:
        added = []
        for _ in range(count):
            ping = IncomingPing(key, PingKind.LOG, utcnow(), "GET", "http")
            future: asyncio.Future[Outcome] = asyncio.Future(loop=loop)
            added.append(Waiting(ping, at, future))
            queue.add(added[-1])
        return added

    return add


def refused(pings: list[Waiting]) -> list[Waiting]:
    return [each for each in pings if each.future.done() and each.future.exception()]


def test_pings_come_out_as_they_came_in(queue: Queue, add: Add) -> None:
    pings = [*add(FREE), *add(LOCKED), *add(FREE)]

    assert queue.take(0) == pings
    assert not queue


def test_later_pings_of_a_locked_monitor_wait_behind_the_earlier_ones(
    queue: Queue, add: Add
) -> None:
    first = add(LOCKED, 2)
    queue.put_back(queue.take(0), 1.0)
    second, free = add(LOCKED, at=1.0), add(FREE, at=1.0)

    assert queue.take(1.0) == free
    assert queue.pause(1.0) == pytest.approx(LATER)
    assert queue.take(1.0 + LATER) == first + second


def test_a_monitor_that_stays_locked_keeps_its_order(queue: Queue, add: Add) -> None:
    pings = add(LOCKED, MOST_OF_ONE)
    queue.put_back(queue.take(0), 0.0)
    half = queue.take(LATER)
    assert half == pings[: LARGEST_BATCH // 2]

    queue.put_back(half, LATER)

    assert queue.take(2 * LATER) + queue.take(2 * LATER) == pings


def test_locked_monitors_get_at_most_half_of_a_batch(queue: Queue, add: Add) -> None:
    locked = add(LOCKED, MOST_OF_ONE)
    queue.put_back(queue.take(0), 0.0)
    free = add(FREE, LARGEST_BATCH)

    half = LARGEST_BATCH // 2
    assert queue.take(LATER) == locked[:half] + free[:half]


def test_a_busy_locked_monitor_leaves_room_for_the_others(queue: Queue, add: Add) -> None:
    added = []
    for _ in range(2 * MOST_OF_ONE // LARGEST_BATCH + 1):
        added += add(LOCKED, LARGEST_BATCH)
        queue.put_back(queue.take(0), 0.0)

    assert refused(added) == added[MOST_OF_ONE:]
    add(FREE, MOST_WAITING)
    with pytest.raises(Unavailable):
        add(FREE)


def test_many_locked_monitors_leave_room_for_the_others(queue: Queue, add: Add) -> None:
    added = []
    for n in range(2 * MOST_ASIDE):
        added += add(UUID(int=n))
        if len(added) % LARGEST_BATCH == 0:
            queue.put_back(queue.take(1.0), 1.0)

    assert len(refused(added)) == len(added) - MOST_ASIDE
    add(FREE, MOST_WAITING)


def test_who_waited_too_long_is_refused_alone(queue: Queue, add: Add) -> None:
    old, young = add(LOCKED), add(LOCKED, at=LOCKED_PATIENCE)
    late = LOCKED_PATIENCE + 0.5

    queue.put_back(queue.take(late), late)

    assert refused(old + young) == old
    assert queue.take(late + LATER) == young


def test_everything_can_be_taken_out_and_then_there_is_room_again(queue: Queue, add: Add) -> None:
    locked = add(LOCKED, MOST_OF_ONE)
    queue.put_back(queue.take(0), 0.0)
    free = add(FREE, MOST_WAITING)

    assert list(queue.drain()) == free + locked
    assert not queue
    assert queue.pause(0) is None
    add(FREE, MOST_WAITING)


def test_a_body_that_drips_for_too_long_is_given_up() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(TimeoutError):
        asyncio.run(read_body(drip, 1_000_000, 1_000_000, 0.05))
