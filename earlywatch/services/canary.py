"""The canary: a ping of our own, whose arrival shows that we can hear.

Its monitor is never judged, since only logs come; its workspace has no members. That a ping of it
is stored is all the proof there is.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.domain.schedule import Interval
from earlywatch.models import Monitor, Tick, Workspace
from earlywatch.services.outbox import commit_lazily

TURN = "canary"  # the tick of who sent it last; its place is the canary's monitor
EVERY = timedelta(seconds=2)
PATIENCE = 4.0  # seconds for an answer
NAME = "Earlywatch itself"

TAKE = text("""
    UPDATE tick SET ticked_at = :now FROM monitor
    WHERE tick.name = :turn AND monitor.id = tick.place
        AND (tick.ticked_at <= :due OR tick.ticked_at > :ahead
            OR tick.ticked_at = :mine AND tick.ticked_at <= :again)
    RETURNING monitor.ping_key
""")
IS_THERE = text("""
    SELECT monitor.workspace_id FROM tick JOIN monitor ON monitor.id = tick.place
    WHERE tick.name = :turn
""")


def take_turn(
    session: Session, now: datetime, wait: timedelta = EVERY, mine: datetime | None = None
) -> UUID | None:
    """Return the ping key if nobody has sent the canary for `wait`; it is then ours to send.

    So it is, at each beat, if nobody has since our own turn at `mine` (UTC). It is made if it is
    not there. A turn in the future is of a clock that was set back.
    """
    commit_lazily(session)  # it comes again in a moment
    values = {"due": now - wait, "ahead": now + wait, "mine": mine, "again": now - EVERY / 2}
    key: UUID | None = session.scalar(TAKE, {"turn": TURN, "now": now, **values})
    if key is None and find_workspace(session) is None:
        return _make(session, now)
    return key


def find_workspace(session: Session) -> int | None:
    """Return the id of the workspace that the canary is of, None if there is none yet."""
    workspace_id: int | None = session.scalar(IS_THERE, {"turn": TURN})
    return workspace_id


def _make(session: Session, now: datetime) -> UUID | None:
    """Make the canary, unless somebody else does so at this moment."""
    row = insert(Tick).values(name=TURN, ticked_at=now)
    session.execute(row.on_conflict_do_nothing())
    tick = session.get_one(Tick, TURN, with_for_update=True, populate_existing=True)
    if find_workspace(session) is not None:
        return None
    workspace = Workspace(name=NAME, plan=PlanName.FREE.value, create_by_ping=False, created_at=now)
    session.add(workspace)
    session.flush()
    monitor = Monitor(
        workspace_id=workspace.id,
        ping_key=uuid4(),
        name="canary",
        grace=timedelta(0),
        status="new",
        created_at=now,
    )
    monitor.set_schedule(Interval(timedelta(days=1)))
    session.add(monitor)
    session.flush()
    tick.place, tick.ticked_at = monitor.id, now
    return monitor.ping_key
