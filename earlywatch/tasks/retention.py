"""Old pings make room, a few at a time."""

import logging
from datetime import timedelta
from time import monotonic, sleep

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import retention, rounds
from earlywatch.services.retention import Limits, Place, Step
from earlywatch.services.wiring import wiring
from earlywatch.tasks.alone import Alone

logger = logging.getLogger(__name__)

BEAT = {"prune_pings": timedelta(seconds=15)}

ROUND = "prune_pings"
EVERY = timedelta(hours=1)  # what one monitor can send meanwhile is little
LEASE = timedelta(seconds=30)  # also the pause of a round that takes longer than LONGEST
LONGEST = 20.0  # seconds of work at a time


@shared_task(name="prune_pings")
def prune_pings() -> None:
    """Begin to delete what is too much. Safe to run twice: one takes the round."""
    pruning.start()


def prune_if_due() -> None:
    """Look at every monitor once an hour. A round that takes long goes on where it was."""
    with transaction() as session:
        if not rounds.begin(session, ROUND, EVERY, LEASE, utcnow()):
            return
        place: Place | None = retention.find_place(session)
    settings = wiring().settings
    limits = Limits(settings.pings_kept, timedelta(days=settings.ping_days))
    end, deleted = monotonic() + LONGEST, 0
    while place is not None:
        begun = monotonic()
        step = _step(limits, place)
        deleted, place = deleted + step.pings, step.place
        if monotonic() >= end:
            break
        if step.pings:
            sleep(monotonic() - begun)  # the disk is for pings that come in, half of the time
    if place is None:
        with transaction() as session:
            rounds.end(session, ROUND, utcnow())
    if deleted:
        logger.info("old pings deleted", extra={"pings": deleted})


def _step(limits: Limits, place: Place) -> Step:
    with transaction() as session:
        step = retention.prune(session, limits, place, utcnow())
        retention.remember_place(session, step.place, utcnow())
    upto = step.place.done if step.place else place.done
    more = upto > place.done
    while more:
        with transaction() as session:
            more = retention.prune_sources(session, limits, place.done, upto, utcnow())
    return step


pruning = Alone("prune_pings", prune_if_due)
