"""How long pings are kept: so many for each monitor, and none for ever.

Ping rows are only read and deleted, in small steps: nothing that pings wait for is locked.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    and_,
    case,
    delete,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PLANS
from earlywatch.domain.retention import ALWAYS, Heard, Retention
from earlywatch.domain.runs import read_runs
from earlywatch.models import Incident, Monitor, Ping, PingSource, Subscription, Tick, Workspace
from earlywatch.services import bodies

logger = logging.getLogger(__name__)

AT_ONCE = 300  # pings that are read, or deleted, in a transaction
MONITORS = 100  # that are looked at in a transaction
PLACE = "prune_pings place"  # of the row that says how far a round has come


@dataclass(frozen=True)
class Limits:
    """What the operator decided. `pings` is for each monitor; None: what the plan says."""

    pings: int | None
    age: timedelta

    def of(self, plan: int | None) -> int | None:
        """Return how many pings are kept under a plan that keeps so many; None: all."""
        return min((limit for limit in (self.pings, plan) if limit is not None), default=None)


@dataclass(frozen=True)
class Place:
    """How far a round has come: it is done with monitors up to this one, and with some pings.

    Of the monitor `within`, it is done with those up to `ping`, which it deleted. To look for
    the oldest again in each step would be to go through all that were deleted, again and again.
    """

    done: int = 0
    within: int = 0
    ping: Heard | None = None


@dataclass(frozen=True)
class Step:
    """What was done, and where to go on; None: all monitors have been seen."""

    place: Place | None
    pings: int = 0  # deleted, by us or by somebody else at this moment


def find_place(session: Session) -> Place:
    """Return where the round under way goes on."""
    row = session.get(Tick, PLACE, populate_existing=True)
    return Place((row and row.place) or 0)


def remember_place(session: Session, place: Place | None, now: datetime) -> None:
    """Let a round go on there, with all pings of the next monitor, or at the beginning."""
    row = {"ticked_at": now, "place": place.done if place else None}
    kept = insert(Tick).values(name=PLACE, **row)
    session.execute(kept.on_conflict_do_update(index_elements=[Tick.name], set_=row))


def prune(session: Session, limits: Limits, place: Place, now: datetime) -> Step:
    """Delete what is too much of the next monitors, at most `AT_ONCE` pings.

    May be run twice at once. A monitor that fails is left out, so that the others are pruned.
    """
    deleted, done = 0, place.done
    monitors = session.execute(_monitors(limits, place, now)).all()
    for monitor in monitors:
        last = place.ping if monitor.id == place.within else None
        gone = list[Heard]()
        try:
            keep = _keep(monitor, now - limits.age, last)
            with session.begin_nested():
                gone, more = _prune_one(session, monitor, keep, last, AT_ONCE - deleted)
        except Exception:  # such as runs that cannot be read
            logger.exception("pings cannot be pruned", extra={"monitor_id": monitor.id})
            more = False
        deleted += len(gone)
        if more:
            return Step(Place(done, monitor.id, gone[-1] if gone else last), deleted)
        done = monitor.id
    return Step(Place(done) if monitors else None, deleted)


def prune_sources(session: Session, limits: Limits, after: int, upto: int, now: datetime) -> bool:
    """Forget where the pings of silent monitors came from; return whether there may be more.

    The monitors are those behind `after` up to `upto`. Of others a bounded number is known.
    """
    key = (PingSource.monitor_id, PingSource.address, PingSource.agent)
    silent = (
        select(*key)
        .join(Monitor, Monitor.id == PingSource.monitor_id)
        .where(Monitor.id > after, Monitor.id <= upto, Monitor.last_ping_at < now - limits.age)
        .limit(AT_ONCE)
    )
    gone = delete(PingSource).where(tuple_(*key).in_(silent)).returning(PingSource.monitor_id)
    return len(session.scalars(gone).all()) == AT_ONCE


def _keep(monitor: Row[Any], aged_at: datetime, last: Heard | None) -> Retention:
    """Return the rule for what comes after `last`, the last ping that was deleted."""
    opened_at = monitor.opened_at
    if last and opened_at and last.received_at >= opened_at:
        opened_at = None  # those from the opening on were counted before
    runs = read_runs(monitor.runs)
    return Retention(monitor.counted_from, monitor.aged_from, aged_at, opened_at, runs)


def _prune_one(
    session: Session, monitor: Row[Any], keep: Retention, last: Heard | None, room: int
) -> tuple[list[Heard], bool]:
    """Delete at most `room` of a monitor's pings; return them, and whether there may be more."""
    if monitor.oldest is None or monitor.oldest >= keep.end:
        return [], False
    oldest = _oldest(session, monitor.id, keep, last)
    surplus = keep.surplus(oldest)
    gone = surplus[:room]
    if gone:
        ids = [ping.id for ping in gone]
        # Whoever else deletes or moves one at this moment does not have to be waited for.
        free = select(Ping.id).where(Ping.id.in_(ids)).with_for_update(skip_locked=True)
        bodies.delete_pings(session, Ping.id.in_(free))
    return gone, bool(surplus) and (len(surplus) > room or len(oldest) == AT_ONCE)


def _oldest(session: Session, monitor_id: int, keep: Retention, last: Heard | None) -> list[Heard]:
    """Return the first pings after `last` that may go, or are told from these by what is near."""
    query = select(Ping.id, Ping.received_at, Ping.kind, Ping.run_id).where(
        Ping.monitor_id == monitor_id, Ping.id > (last.id if last else 0)
    )
    if keep.opened_at is None:
        query = query.where(Ping.id < keep.end)
    return [Heard(*row) for row in session.execute(query.order_by(Ping.id).limit(AT_ONCE))]


def _monitors(limits: Limits, place: Place, now: datetime) -> Select[*tuple[Any, ...]]:
    """Select the next monitors with what decides about their pings.

    Left out are those of workspaces in which a paid month is to be judged by its pings. Each
    number is found at its place in an index, however many pings there are.
    """
    kept = ((name, limits.of(plan.pings_kept)) for name, plan in PLANS.items())
    number = case(*[(Workspace.plan == name.value, limit) for name, limit in kept])
    behind = case((Monitor.id == place.within, place.ping.id if place.ping else 0), else_=0)
    mine = select(Ping.id).where(Ping.monitor_id == Monitor.id)
    first = mine.where(Ping.id > behind).order_by(Ping.id).limit(1)
    aged = first.with_only_columns(Ping.received_at).scalar_subquery() < now - limits.age

    def newest(place: ColumnElement[Any]) -> ScalarSelect[int]:
        ordered = mine.order_by(Ping.id.desc()).offset(place - 1).limit(1)
        return ordered.correlate(Monitor, Workspace).scalar_subquery()

    judged_soon = select(Subscription.workspace_id).where(
        Subscription.workspace_id == Monitor.workspace_id, Subscription.months_due_at <= now
    )
    return (
        select(
            Monitor.id,
            Monitor.runs_json.label("runs"),
            Incident.opened_at,
            first.scalar_subquery().label("oldest"),
            case((number.is_not(None), newest(number)), else_=None).label("counted_from"),
            case((aged, newest(literal(ALWAYS))), else_=None).label("aged_from"),
        )
        .join(Workspace, Workspace.id == Monitor.workspace_id)
        .outerjoin(
            Incident, and_(Incident.monitor_id == Monitor.id, Incident.resolved_at.is_(None))
        )
        .where(Monitor.id > place.done, ~judged_soon.exists())
        .order_by(Monitor.id)
        .limit(MONITORS)
    )
