"""Whether we can hear: the canary's pings in the order in which they were stored.

What has been made of them is the tick `hearing`: its moment is when we heard last, its place the
ping that showed it. While that is old, nobody may take silence for a sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import MonitorState, Rules
from earlywatch.domain.outages import (
    DEAF_AFTER,
    LOST_AFTER,
    first_gap,
    on_outage,
    without_rules,
)
from earlywatch.errors import EarlywatchError
from earlywatch.models import Monitor
from earlywatch.services.canary import TURN

Heard = Row[tuple[int, datetime]]  # id and moment of a ping of the canary

HEARD = "hearing"
AT_ONCE = 5_000  # pings of the canary; more are read the next time
LATER = datetime.max.replace(tzinfo=UTC)  # than any ping

# One outage at a time, so the newest is the one that lasts.
STATE = text("""
    SELECT heard.ticked_at AS heard_at, heard.place, outage.id, outage.began_at, outage.ended_at,
        outage.moved_at
    FROM (SELECT) AS one
    LEFT JOIN tick AS heard ON heard.name = :heard AND heard.place > 0
    LEFT JOIN LATERAL (SELECT * FROM outage ORDER BY id DESC LIMIT 1) AS outage ON true
""")
SINCE = text("""
    SELECT ping.id, ping.received_at FROM tick
    JOIN ping ON ping.monitor_id = tick.place AND ping.id > :place
    WHERE tick.name = :turn AND ping.kind = 'log' ORDER BY ping.id LIMIT :most
""")
NEWEST = text("""
    SELECT ping.id, ping.received_at FROM tick
    JOIN LATERAL (
        SELECT * FROM ping WHERE ping.monitor_id = tick.place ORDER BY ping.id DESC LIMIT 1
    ) AS ping ON ping.kind = 'log' AND ping.received_at > :after
    WHERE tick.name = :turn
""")
STORED = text("SELECT received_at FROM ping WHERE scheme <> 'email' ORDER BY id DESC LIMIT 1")
MARK = text("""
    UPDATE monitor SET outage_id = :outage_id
    WHERE id = :monitor_id AND outage_id IS DISTINCT FROM :outage_id RETURNING id
""")


@dataclass(frozen=True)
class Silence:
    """A time (UTC) of which nothing is known; `ended_at` None: it may still last."""

    began_at: datetime
    ended_at: datetime | None = None
    outage_id: int | None = None  # None: nobody has written it down yet


@dataclass(frozen=True)
class Hearing:
    """What is known of our hearing. `heard_at` None: the canary has proved nothing so far."""

    heard_at: datetime | None
    place: int
    silence: Silence | None  # an outage whose deadlines are not moved yet
    trusted: bool  # False: we heard others while the canary was not heard, which it still is not

    @property
    def proof(self) -> datetime | None:
        """When we heard last, None where the canary cannot tell."""
        return self.heard_at if self.trusted else None


def find(session: Session) -> Hearing:
    """Return what is written down; what came since is not looked at."""
    row = session.execute(STATE, {"heard": HEARD}).one()
    silence = None
    if row.id is not None and row.moved_at is None:
        silence = Silence(row.began_at, row.ended_at, row.id)
    told_apart = row.id is None or row.heard_at is None or row.began_at < row.heard_at
    return Hearing(row.heard_at, row.place or 0, silence, told_apart or silence is not None)


def silence(session: Session, now: datetime, known: Hearing | None = None) -> Silence | None:
    """Return the time of which silence proves nothing at `now` (UTC), None if it always does."""
    known = known or find(session)
    if known.silence is not None:
        return known.silence
    proof = known.proof
    if proof is None or now - proof <= LOST_AFTER:
        return None
    # Perhaps only the detector was away, and with it who looks at the canary.
    moments = [row.received_at for row in heard_since(session, known)]
    gap = first_gap(proof, moments, now, LOST_AFTER)
    return Silence(gap.began_at) if gap else None


def deaf_since(session: Session, now: datetime) -> datetime | None:
    """Return since when (UTC) nothing is judged because we cannot hear, None if all is well.

    What lasts for seconds alone is not worth a word.
    """
    found = silence(session, now)
    if found is None or (found.ended_at or now) - found.began_at <= DEAF_AFTER:
        return None
    return found.began_at


def heard_since(session: Session, known: Hearing) -> Sequence[Heard]:
    """Return id and moment of the canary's pings that nobody has looked at, the oldest first."""
    values = {"turn": TURN, "place": known.place, "most": AT_ONCE}
    return session.execute(SINCE, values).all()


def heard_now(session: Session, now: datetime) -> Sequence[Heard]:
    """Return the newest ping of the canary if it came just before `now` (UTC), else nothing."""
    return session.execute(NEWEST, {"turn": TURN, "after": now - DEAF_AFTER}).all()


def stored_at(session: Session) -> datetime | None:
    """Return when (UTC) the newest ping came over HTTP, whoever sent it, from wherever."""
    moment: datetime | None = session.scalar(STORED)
    return moment


def spare(
    session: Session,
    monitor_id: int,
    state: MonitorState,
    rules: Rules | str,
    found: Silence | None,
) -> MonitorState:
    """Return the state as it may be judged now: what passed unheard has not passed.

    The monitor must be locked. While the silence may last, its deadline is put off to `LATER`,
    which must not be stored; afterwards it is moved on, and nobody will do so again.
    """
    deadline = state.deadline_at
    if found is None or deadline is None or deadline <= found.began_at:
        return state
    if found.ended_at is None or found.outage_id is None:
        return replace(state, deadline_at=LATER)
    values = {"outage_id": found.outage_id, "monitor_id": monitor_id}
    if session.scalar(MARK, values) is None:
        return state
    return moved(state, rules, found.began_at, found.ended_at)


def moved(
    state: MonitorState, rules: Rules | str, began: datetime, ended: datetime
) -> MonitorState:
    """Return the state after an outage, whatever is wrong with its rules."""
    if isinstance(rules, Rules):
        try:
            return on_outage(state, rules, began, ended)
        except Exception:  # noqa: BLE001 - a schedule that fails must not keep others from moving
            return without_rules(state, began, ended)
    return without_rules(state, began, ended)


def spared(session: Session, monitor: Monitor, now: datetime) -> MonitorState:
    """Return the state of a locked monitor as it may be judged at `now` (UTC), see `spare`."""
    state, deadline = monitor.state, monitor.deadline_at
    if deadline is None or deadline > now:
        return state
    return spare(session, monitor.id, state, readable_rules(monitor), silence(session, now))


def readable_rules(monitor: Monitor) -> Rules | str:
    """Return the rules, or why they cannot be read any more."""
    try:
        return monitor.rules
    except EarlywatchError as error:
        return str(error)


def age(proof: datetime | None, now: datetime) -> timedelta | None:
    """Return how long ago we heard last, None where the canary cannot tell."""
    return None if proof is None else max(now - proof, timedelta(0))
