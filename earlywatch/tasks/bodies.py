"""Large bodies move to the object store, and leave it after their pings."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TypeVar

from celery import shared_task

from earlywatch.clients.object_store import ObjectStore, StoreError
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import bodies, rounds
from earlywatch.services.bodies import Large
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone
from earlywatch.tasks.few import few_at_once
from earlywatch.tasks.outages import outlived

logger = logging.getLogger(__name__)

BEAT = {"move_bodies": timedelta(seconds=10), "clear_bodies": timedelta(minutes=1)}

ROUND = "move_bodies"
EVERY = timedelta(0)  # whenever one waits
LEASE = timedelta(minutes=3)  # longer than a round; also the wait after one that met no store
LONGEST = 20.0  # seconds of work at a time

Item = TypeVar("Item")


class Trouble:
    """Says once that the store fails, and once that it is over."""

    def __init__(self) -> None:
        self._lasts = False

    def note(self, error: StoreError | None) -> None:
        """Take what the attempts at several objects met, None if all went well."""
        if error is not None and not self._lasts:
            logger.warning("object store fails", extra={"reason": str(error)})
        if error is None and self._lasts:
            logger.info("object store is back")
        self._lasts = error is not None


@shared_task(name="move_bodies")
def move_bodies() -> None:
    """Begin to move what is large. Safe to run twice: the ping names the first of two copies."""
    if wiring().object_store:
        moving.start()


@shared_task(name="clear_bodies")
def clear_bodies() -> None:
    """Begin to delete what no ping names. Safe to run twice: one claims each."""
    if wiring().object_store:
        clearing.start()


def move_large() -> None:
    """Move bodies until none is left or time is up. Without a store, again when the lease ends."""
    with transaction() as session:
        if not (bodies.any_large(session) and rounds.begin(session, ROUND, EVERY, LEASE, utcnow())):
            return
    end, moved, after = monotonic() + LONGEST, 0, 0
    while monotonic() < end:
        with transaction() as session:
            taken = bodies.take_large(session, after, utcnow())
        if not taken:
            break
        done = _each(_move, taken)
        moved, after = moved + done, taken[-1].ping_id
        if done * 2 < len(taken):
            return
    with transaction() as session:
        rounds.end(session, ROUND, utcnow())
    logger.info("bodies moved", extra={"bodies": moved})


def clear_discarded() -> None:
    """Delete from the store until nothing is left, time is up, or the store fails."""
    end = monotonic() + LONGEST
    while monotonic() < end:
        with transaction() as session:
            keys = bodies.claim_discarded(session, utcnow())
        if not keys or _each(_clear, keys) < len(keys):
            return


def _move(store: ObjectStore, large: Large) -> bool:
    store.put(large.key, large.body)
    with transaction() as session:
        return bodies.record_moved(session, large)


def _clear(store: ObjectStore, key: str) -> bool:
    store.delete(key)
    with transaction() as session:
        bodies.forget(session, [key])
    return True


def _each(work: Callable[[ObjectStore, Item], bool], items: Sequence[Item]) -> int:
    """Do it for a few at once; return for how many it went well."""
    store = wiring().object_store
    assert store is not None
    outcomes = few_at_once(partial(_tried, partial(work, store)), items)
    trouble.note(next((each for each in outcomes if isinstance(each, StoreError)), None))
    return outcomes.count(True)


def _tried(work: Callable[[Item], bool], item: Item) -> bool | StoreError:
    outcome: bool | StoreError = False
    with outlived("bodies"):
        try:
            outcome = work(item)
        except StoreError as error:
            outcome = error
    return outcome


trouble = Trouble()
moving = Alone("move_bodies", move_large)
clearing = Alone("clear_bodies", clear_discarded)
