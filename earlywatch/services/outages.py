"""Our own outages: when one begins, when it ends, and whom it makes wait.

Only who holds the tick `hearing` writes them, so there is one at a time.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.outages import DEAF_AFTER, LOST_AFTER, Gap, first_gap
from earlywatch.domain.volume import WINDOW
from earlywatch.models import Outage, Tick
from earlywatch.models.outage import OutageCause
from earlywatch.models.tick import DETECTOR
from earlywatch.services import hearing
from earlywatch.services.believing import has_gone_on_too_long, is_too_long, witnesses
from earlywatch.services.hearing import HEARD, Heard, Hearing
from earlywatch.services.outbox import commit_lazily

logger = logging.getLogger(__name__)

# What fell silent may also be the customers': they are told after this.
LONGEST_OF_VOLUME = timedelta(minutes=5)
REST_OF_VOLUME = timedelta(hours=1)
# A canary that is always slow would put off deadlines without end.
MOST_SHORT, SHORT_WITHIN = 6, timedelta(minutes=10)


def listen(
    session: Session, now: datetime, jump: timedelta = timedelta(0), *, canary: bool = True
) -> None:
    """Look at what the canary has told since the last look; begin and end outages.

    `jump` is by how much the clock was set forward since then, as this process saw it. Without
    `canary`, what it told is forgotten. Whoever finds somebody else at it leaves it to them.
    """
    commit_lazily(session)  # it comes again in a second
    if not _take(session, now):
        return
    if not canary:
        _do_without(session, now, jump)
        return
    known = hearing.find(session)
    if known.silence is None:
        _begin_if_deaf(session, known, now, jump)
    elif known.silence.ended_at is None:
        outage = session.get_one(Outage, known.silence.outage_id, populate_existing=True)
        _end_if_heard(session, known, outage, now)


def note_low_volume(session: Session, now: datetime) -> bool:
    """Far fewer monitors were heard than usual: return whether judging them is put off.

    It is not, if it was lately: then it was not our fault, or it is not any more. While somebody
    else is at it, it is: the next round knows what they found.
    """
    if not _take(session, now):
        return True
    newest = session.scalar(select(Outage).order_by(Outage.id.desc()).limit(1))
    if newest is not None and newest.moved_at is None:
        return True
    lately = Outage.cause == OutageCause.VOLUME.value, Outage.ended_at > now - REST_OF_VOLUME
    if session.scalar(select(Outage.id).where(*lately).limit(1)) is not None:
        return False
    _begin(session, OutageCause.VOLUME, Gap(now - WINDOW), now)
    return True


def find_unmoved(session: Session) -> Outage | None:
    """Return the outage that is over and whose deadlines are still to be moved."""
    unmoved = Outage.moved_at.is_(None), Outage.ended_at.is_not(None)
    query = select(Outage).where(*unmoved).order_by(Outage.id).limit(1)
    return session.scalar(query.execution_options(populate_existing=True))


def lasting(session: Session) -> Outage | None:
    """Return the outage that has not ended, if there is one."""
    return session.scalar(select(Outage).where(Outage.ended_at.is_(None)).limit(1))


def history(session: Session, since: datetime) -> list[Outage]:
    """Return the outages that lasted, or ended after `since` (UTC), the newest first.

    What lasted for seconds alone is left out.
    """
    over = func.coalesce(Outage.ended_at, Outage.noticed_at)
    query = select(Outage).where(over > since, not_(_is_short()))
    return list(session.scalars(query.order_by(Outage.began_at.desc(), Outage.id.desc())))


def _take(session: Session, now: datetime) -> bool:
    """Hold the tick `hearing` until the transaction ends, unless somebody else does."""
    query = select(Tick).where(Tick.name == HEARD)
    free = query.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    if session.scalar(free) is not None:
        return True
    row = insert(Tick).values(name=HEARD, ticked_at=now, place=0)
    if session.scalar(row.on_conflict_do_nothing().returning(Tick.name)) is None:
        return False
    _look_back(session, now)
    return True


def _look_back(session: Session, now: datetime) -> None:
    """After the former version, which had no canary: its detector knows when it stopped."""
    tick = session.get(Tick, DETECTOR, populate_existing=True)
    if tick is not None and now - tick.ticked_at > DEAF_AFTER:
        _begin(session, OutageCause.DETECTOR, Gap(tick.ticked_at, now), now)


def _do_without(session: Session, now: datetime, jump: timedelta) -> None:
    """The canary is switched off: it proves nothing any more, and no outage waits for it."""
    told = Tick.name == HEARD, Tick.place != 0
    session.execute(update(Tick).where(*told).values(place=0))
    known, outage = hearing.find(session), lasting(session)
    if known.silence is None:
        _begin_if_jumped(session, now, jump)
    elif outage is not None and outage.cause == OutageCause.VOLUME.value:
        _end_volume(session, known, (), outage, now)
    elif outage is not None:
        _end(session, outage, now)


def _begin_if_jumped(session: Session, now: datetime, jump: timedelta) -> None:
    if jump > DEAF_AFTER:
        _begin(session, OutageCause.CLOCK, Gap(now - jump, now), now)


def _begin_if_deaf(session: Session, known: Hearing, now: datetime, jump: timedelta) -> None:
    proof = known.proof
    if known.heard_at is None:
        # What was heard before it was switched off, perhaps days ago, is no beginning.
        rows = hearing.heard_now(session, now)
    else:
        rows = hearing.heard_since(session, known)
    if proof is None or now - proof < timedelta(0):
        if proof is None:
            _begin_if_jumped(session, now, jump)
        _hear_newest(session, rows)
        return
    gap = _find_gap(session, proof, rows, now)
    if gap is None:
        _hear_newest(session, rows)
    elif gap.ended_at is not None:
        ending = next(row for row in rows if row.received_at == gap.ended_at)
        _hear(session, ending)
        _begin(session, _cause(jump, gap, now), gap, now)
    elif len(rows) < hearing.AT_ONCE:
        _hear_newest(session, rows)
        _begin(session, _cause(jump, gap, now), gap, now)
    else:
        _hear(session, rows[-1])


def _find_gap(
    session: Session, proof: datetime, rows: Sequence[Heard], now: datetime
) -> Gap | None:
    """Return the first gap to make an outage of: a short one only once it is over."""
    moments = [row.received_at for row in rows]
    gap = first_gap(proof, moments, now, LOST_AFTER)
    if gap is None or gap.length(now) > DEAF_AFTER:
        return gap
    if gap.ended_at is not None and _may_be_short(session, now):
        return gap
    return first_gap(proof, moments, now)


def _may_be_short(session: Session, now: datetime) -> bool:
    lately = Outage.noticed_at > now - SHORT_WITHIN
    short = select(func.count()).select_from(Outage).where(lately, _is_short())
    return (session.scalar(short) or 0) < MOST_SHORT


def _is_short() -> ColumnElement[bool]:
    """Whether an outage is over and was so short that nobody is told."""
    ended = Outage.ended_at.is_not(None)
    return and_(ended, Outage.ended_at - Outage.began_at <= DEAF_AFTER)


def _hear_newest(session: Session, rows: Sequence[Heard]) -> None:
    if rows:
        _hear(session, rows[-1])


def _end_if_heard(session: Session, known: Hearing, outage: Outage, now: datetime) -> None:
    rows = hearing.heard_since(session, known)
    if outage.cause == OutageCause.VOLUME.value:
        _end_volume(session, known, rows, outage, now)
    elif rows:
        _hear(session, rows[0])
        _end(session, outage, rows[0].received_at)
        if has_gone_on_too_long(session, outage, now):
            outage.moved_at = now
    else:
        _end_without_canary(session, outage, now)


def _end_without_canary(session: Session, outage: Outage, now: datetime) -> None:
    """Nothing may hold judgement for ever, least of all a canary that is ill itself."""
    found = witnesses(session, outage, now)
    if found.speak_for_us or is_too_long(session, outage, found, now):
        fields = {"outage_id": outage.id, "heard": found.heard, "silent": found.silent}
        logger.error("canary is not heard and not believed any more", extra=fields)
        _end(session, outage, now)


def _end_volume(
    session: Session, known: Hearing, rows: Sequence[Heard], outage: Outage, now: datetime
) -> None:
    moments = [row.received_at for row in rows]
    if known.proof is not None and first_gap(known.proof, moments, now) is not None:
        # The canary failed too, so it was not the jobs; now it says when that is over.
        outage.cause = OutageCause.INTAKE.value
        _hear_newest(session, rows)
        return
    _hear_newest(session, rows)
    if witnesses(session, outage, now).speak_for_us:
        _end(session, outage, now)
    elif now - outage.noticed_at > LONGEST_OF_VOLUME:
        # The canary was heard all the time: the jobs have stopped, and their owners must know.
        _end(session, outage, now)
        outage.moved_at = now


def _cause(jump: timedelta, gap: Gap, now: datetime) -> OutageCause:
    return OutageCause.CLOCK if jump > gap.length(now) / 2 else OutageCause.INTAKE


def _begin(session: Session, cause: OutageCause, gap: Gap, now: datetime) -> None:
    outage = Outage(cause=cause.value, began_at=gap.began_at, ended_at=gap.ended_at, noticed_at=now)
    session.add(outage)
    session.flush()
    if gap.length(now) > DEAF_AFTER:
        logger.error("we cannot hear, nothing is judged", extra=_fields(outage))
    else:
        logger.warning("we could not hear for seconds, deadlines move on", extra=_fields(outage))


def _end(session: Session, outage: Outage, ended: datetime) -> None:
    outage.ended_at = max(ended, outage.began_at)
    session.flush()
    logger.error("we can hear again, deadlines move on", extra=_fields(outage))


def _fields(outage: Outage) -> dict[str, object]:
    began, ended = outage.began_at, outage.ended_at
    seconds = None if ended is None else (ended - began).total_seconds()
    return {"outage_id": outage.id, "cause": outage.cause, "seconds": seconds}


def _hear(session: Session, row: Heard) -> None:
    heard = {"ticked_at": row.received_at, "place": row.id}
    session.execute(update(Tick).where(Tick.name == HEARD).values(heard))
