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
    LARGEST_BATCH_BYTES,
    LOCKED_PATIENCE,
    LONGEST_PAUSE,
    MOST_ASIDE,
    MOST_OF_ONE,
    MOST_WAITING,
    Queue,
    Waiting,
)
from earlywatch.ingest.store import Unavailable
from earlywatch.services.incoming import (
    BODY_LIMIT,
    BODY_MARGIN,
    ByName,
    IncomingPing,
    Name,
    NotCreated,
    Outcome,
)
from earlywatch.services.ping_names import MOST_COSTLY

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

    def add(
        name: Name, count: int = 1, at: float = 0.0, body: bytes | None = None
    ) -> list[Waiting]:
        added = []
        for _ in range(count):
            ping = IncomingPing(name, PingKind.LOG, utcnow(), "GET", "http", body=body)
            future: asyncio.Future[Outcome | NotCreated] = asyncio.Future(loop=loop)
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


def test_pings_by_name_wait_behind_those_of_the_same_name_alone(queue: Queue, add: Add) -> None:
    first = add(ByName("key", "backup"))
    queue.put_back(queue.take(0), 1.0)
    same, other = add(ByName("key", "backup"), at=1.0), add(ByName("key", "other"), at=1.0)

    assert queue.take(1.0) == other
    assert queue.take(1.0 + LATER) == first + same


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


def test_long_bodies_make_a_batch_short_and_never_empty(queue: Queue, add: Add) -> None:
    body = bytes(BODY_LIMIT + BODY_MARGIN)
    pings = add(FREE, 30, body=body)
    taken: list[Waiting] = []

    while batch := queue.take(0):
        assert sum(each.size for each in batch) < LARGEST_BATCH_BYTES + len(body)
        taken += batch

    assert taken == pings


def test_what_was_postponed_never_waits_too_long_and_comes_in_its_turn(
    queue: Queue, add: Add
) -> None:
    pings = [ping for n in range(MOST_ASIDE) for ping in add(UUID(int=n))]
    late, taken = 0.0, list[Waiting]()

    while len(taken) < MOST_ASIDE:
        batch = queue.take(late)
        late += 2 * LOCKED_PATIENCE
        taken += batch[:MOST_COSTLY]
        for waiting in batch[MOST_COSTLY:]:
            waiting.postpone(late)
        queue.put_back(batch[MOST_COSTLY:], late)

    assert refused(pings) == []
    assert set(taken) == set(pings)
    assert not queue


def test_postponed_pings_leave_room_in_a_batch_for_what_is_locked(queue: Queue, add: Add) -> None:
    postponed = [ping for n in range(2 * MOST_COSTLY) for ping in add(UUID(int=n + 3))]
    for waiting in postponed:
        waiting.postpone(0.0)
    locked = add(LOCKED)
    queue.put_back(queue.take(0.0), 0.0)

    assert queue.take(LATER) == postponed[:MOST_COSTLY] + locked


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
