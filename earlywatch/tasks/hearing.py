"""Before anything is judged: whether we can hear, and what an outage of ours moves."""

import logging
from datetime import timedelta
from time import monotonic

from celery import shared_task

from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.domain.clocks import Jumps
from earlywatch.domain.volume import Volume
from earlywatch.services import clocks, moving, outage_news, outages
from earlywatch.services.wiring import wiring

logger = logging.getLogger(__name__)

BEAT = {"tell_outages": timedelta(seconds=10)}

volume = Volume()
_jumps = Jumps()


@shared_task(name="tell_outages")
def tell_outages() -> None:
    """Tell the operators of an outage that lasts, and of its end. Safe to run twice."""
    settings, now = wiring().settings, utcnow()
    with transaction() as session:
        outage_news.tell(session, settings.operator_emails, now)
        if settings.canary:
            about = settings.operator_emails, settings.ping_base_url, now
            outage_news.tell_never_heard(session, *about)


def listen() -> None:
    """Find out whether we can hear; after an outage, move the deadlines that it touched."""
    now, steady = utcnow(), monotonic()
    back = timedelta(0)
    if not _jumps.knows:
        with transaction() as session:
            back = clocks.find_set_back(session, now)
    jump = _jumps.look(now, steady)
    back = max(back, -jump)
    if back >= clocks.LEAST:
        bring_back(back)
    with transaction() as session:
        outages.listen(session, utcnow(), jump, canary=wiring().settings.canary)
    # The database may have been away meanwhile: then it is looked at again.
    _jumps.keep(now, steady)
    move_deadlines()


def bring_back(back: timedelta) -> None:
    """Bring back what lies ahead, because the clock was set back by so much."""
    logger.error("the clock was set back", extra={"seconds": back.total_seconds()})
    more = True
    while more:
        with transaction() as session:
            more = clocks.bring_back(session, back, utcnow())
    with transaction() as session:
        clocks.finish(session, back, utcnow())


def move_deadlines() -> None:
    """Move all deadlines that an outage touched, a batch at a time, until none is left."""
    after: int | None = 0
    moved = 0
    while after is not None:
        with transaction() as session:
            outage = outages.find_unmoved(session)
            if outage is None:
                break
            step = moving.move(session, outage, after, utcnow())
        moved, after = moved + step.moved, step.after
    if moved:
        logger.info("deadlines moved on after an outage", extra={"monitors": moved})
