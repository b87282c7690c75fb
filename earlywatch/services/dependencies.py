"""Monitors that depend on others: while one of these is in trouble, they are blocked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.dependencies import find_cycle
from earlywatch.domain.monitor import InvalidMonitor
from earlywatch.models import Monitor, Workspace
from earlywatch.models.incident import Held
from earlywatch.models.monitor import monitor_parent
from earlywatch.services.cases import Case
from earlywatch.services.hearing import silence
from earlywatch.services.holding import Hold

# A parent that comes back wakes whom it blocked. Where it could not, because somebody held the
# incident at that moment, they are looked at after this.
AGAIN = timedelta(minutes=1)
# A parent that comes and goes for ever would keep its children silent for ever: all the time counts
# that it was well, and so many times their own grace is enough.
PATIENCE = 2
MOST_PARENTS = 50
MOST_LISTED = 30  # monitors to choose from; where there are more, their names are typed
LONGEST_ID = 19  # digits

# By monitor: a parent that is in trouble, and else when the last of them was back. One whose
# deadline has passed while we could hear is about to be judged. Open incidents count, not the
# status, which the detector writes after it has planned what is told.
PARENTS = text("""
    SELECT child.monitor_id,
        min(parent.id) FILTER (WHERE trouble.resolved_at IS NULL AND trouble.id IS NOT NULL
            OR (parent.deadline_at <= :heard AND coalesce(parent.set_aside_until, :now) <= :now)
        ) AS blocked_by_id,
        max(trouble.resolved_at) AS back_at
    FROM monitor_parent AS child
    JOIN monitor AS parent ON parent.id = child.parent_id
    LEFT JOIN LATERAL (
        SELECT id, resolved_at FROM incident WHERE monitor_id = parent.id
        ORDER BY opened_at DESC, id DESC LIMIT 1
    ) AS trouble ON true
    WHERE child.monitor_id = ANY(CAST(:monitor_ids AS bigint[]))
    GROUP BY child.monitor_id
""")
# For how long no parent was in trouble since an incident opened.
WELL = text("""
    SELECT asked.id, CAST(:now AS timestamptz) - asked.opened_at - coalesce(bad.length, '0') AS well
    FROM incident AS asked CROSS JOIN LATERAL (
        SELECT sum(upper(span) - lower(span)) AS length FROM (
            SELECT unnest(range_agg(tstzrange(
                greatest(trouble.opened_at, asked.opened_at), trouble.resolved_at
            ))) AS span
            FROM monitor_parent JOIN incident AS trouble ON trouble.monitor_id = parent_id
            WHERE monitor_parent.monitor_id = asked.monitor_id
                AND trouble.resolved_at > asked.opened_at
        ) AS spans
    ) AS bad
    WHERE asked.id = ANY(CAST(:incident_ids AS bigint[]))
""")
# Whoever holds such an incident may wait for one that this transaction holds.
WAKE = text("""
    UPDATE incident SET next_step_at = greatest(CAST(:now AS timestamptz), snoozed_until)
    WHERE id IN (
        SELECT id FROM incident
        WHERE blocked_by_id = ANY(CAST(:parent_ids AS bigint[])) AND held = 'blocked'
            AND resolved_at IS NULL
        FOR UPDATE SKIP LOCKED
    )
""")


class UnfitParents(InvalidMonitor):
    """Monitors that another one cannot depend on."""


@dataclass(frozen=True)
class Parents:
    """What a monitor may depend on, and does. `many`: too many to list, `typed` is then shown."""

    choices: Sequence[Monitor] = ()
    chosen: Sequence[Monitor] = ()
    typed: str = ""
    many: bool = False


def hold(session: Session, cases: Sequence[Case], now: datetime) -> dict[int, Hold]:
    """Hold what is down because another is: until that is back, and its own grace has passed."""
    unheard = silence(session, now)
    heard = unheard.began_at if unheard else now
    values = {"monitor_ids": [case.monitor_id for case in cases], "now": now, "heard": heard}
    parents = {row.monitor_id: row for row in session.execute(PARENTS, values)}
    found: dict[int, Hold] = {}
    resting: dict[int, tuple[Case, datetime]] = {}
    for case in cases:
        row = parents.get(case.monitor_id)
        if row is None:
            continue
        if row.blocked_by_id is not None:
            found[case.incident_id] = Hold(Held.BLOCKED, now + AGAIN, row.blocked_by_id)
        elif case.held is Held.BLOCKED and row.back_at and row.back_at + case.grace > now:
            resting[case.incident_id] = case, row.back_at + case.grace
    return found | (_rest(session, resting, now) if resting else {})


def _rest(
    session: Session, resting: Mapping[int, tuple[Case, datetime]], now: datetime
) -> dict[int, Hold]:
    """Hold what has its own grace now that its parents are back."""
    found: dict[int, Hold] = {}
    for row in session.execute(WELL, {"incident_ids": list(resting), "now": now}):
        case, until = resting[row.id]
        until = min(until, now + PATIENCE * case.grace - row.well)
        if until > now:
            found[row.id] = Hold(Held.BLOCKED, until, case.blocked_by_id)
    return found


def wake(session: Session, parent_ids: Collection[int], now: datetime) -> None:
    """Let the next round look at the monitors that these have blocked: their own grace begins.

    To be called when they are back, and when they are not watched any more.
    """
    session.execute(WAKE, {"parent_ids": list(parent_ids), "now": now})


def linked(session: Session, monitor: Monitor) -> tuple[list[Monitor], list[Monitor]]:
    """Return the monitors that one depends on, and those that depend on it, by name."""
    upstream, downstream = monitor_parent.c.parent_id, monitor_parent.c.monitor_id
    joined = or_(
        and_(Monitor.id == upstream, downstream == monitor.id),
        and_(Monitor.id == downstream, upstream == monitor.id),
    )
    query = select(Monitor, upstream).join(monitor_parent, joined)
    rows = session.execute(query.order_by(func.lower(Monitor.name), Monitor.id)).all()
    parents = [row[0] for row in rows if row[1] != monitor.id]
    return parents, [row[0] for row in rows if row[1] == monitor.id]


def names(session: Session, monitor_ids: Collection[int | None]) -> dict[int, str]:
    """Return the names of some monitors by id."""
    ids = [id_ for id_ in monitor_ids if id_ is not None]
    if not ids:
        return {}
    rows = session.execute(select(Monitor.id, Monitor.name).where(Monitor.id.in_(ids)))
    return {row.id: row.name for row in rows}


def offered(session: Session, workspace: Workspace, monitor: Monitor | None = None) -> Parents:
    """Return what `monitor`, or a new one, may depend on."""
    others = select(Monitor).where(Monitor.workspace_id == workspace.id)
    if monitor is not None:
        others = others.where(Monitor.id != monitor.id)
    by_name = others.order_by(func.lower(Monitor.name), Monitor.id).limit(MOST_LISTED + 1)
    found = session.scalars(by_name).all()
    chosen = linked(session, monitor)[0] if monitor is not None else []
    if len(found) <= MOST_LISTED:
        return Parents(found, chosen)
    typed = [_unmistakable(session, workspace, parent) for parent in chosen]
    return Parents((), chosen, "\n".join(typed), many=True)


def set_parents(session: Session, monitor: Monitor, parents: Sequence[int | str]) -> None:
    """Let a monitor depend on these alone, by id or by name; ids of strangers are left out.

    The workspace must be locked, so that two edits do not close a circle together. Raises
    UnfitParents, for one if the monitor would wait for itself.
    """
    wanted = _find(session, monitor.workspace_id, parents)
    if len(wanted) > MOST_PARENTS:
        raise UnfitParents(f"A monitor may depend on at most {MOST_PARENTS} others.")
    of_monitor = monitor_parent.c.monitor_id == monitor.id
    before = set(session.scalars(select(monitor_parent.c.parent_id).where(of_monitor)))
    if wanted == before:
        return
    _check_circle(session, monitor, wanted)
    session.execute(delete(monitor_parent).where(of_monitor))
    links = [{"monitor_id": monitor.id, "parent_id": parent_id} for parent_id in sorted(wanted)]
    if links:
        session.execute(insert(monitor_parent), links)


def _find(session: Session, workspace_id: int, parents: Sequence[int | str]) -> set[int]:
    ids = [each for each in parents if isinstance(each, int)]
    mine = Monitor.workspace_id == workspace_id
    found = set(session.scalars(select(Monitor.id).where(mine, Monitor.id.in_(ids))))
    for typed in parents:
        if isinstance(typed, str):
            found.add(_find_one(session, mine, typed))
    return found


def _find_one(session: Session, mine: ColumnElement[bool], typed: str) -> int:
    """Return the monitor that is meant. Raises UnfitParents."""
    asked = [func.lower(Monitor.name) == " ".join(typed.lower().split())]
    number = typed.removeprefix("#")
    if number != typed and number.isascii() and number.isdigit() and len(number) < LONGEST_ID:
        asked.insert(0, Monitor.id == int(number))
    for condition in (*asked, Monitor.slug == typed):
        ids = session.scalars(select(Monitor.id).where(mine, condition).limit(2)).all()
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise UnfitParents(
                f"Several monitors are called “{typed}”. Write # and the number that stands in"
                " the address of its page."
            )
    raise UnfitParents(f"There is no monitor called “{typed}”.")


def _unmistakable(session: Session, workspace: Workspace, monitor: Monitor) -> str:
    """Return what `_find_one` finds exactly this monitor by."""
    try:
        mine = Monitor.workspace_id == workspace.id
        if _find_one(session, mine, monitor.name) == monitor.id:
            return monitor.name
    except UnfitParents:
        pass
    return f"#{monitor.id}"


def _check_circle(session: Session, monitor: Monitor, wanted: Collection[int]) -> None:
    links: dict[int, set[int]] = {}
    for child, parent in session.execute(
        select(monitor_parent)
        .join(Monitor, Monitor.id == monitor_parent.c.monitor_id)
        .where(Monitor.workspace_id == monitor.workspace_id)
    ):
        links.setdefault(child, set()).add(parent)
    links[monitor.id] = set(wanted)
    circle = find_cycle(links, monitor.id)
    if not circle:
        return
    if len(set(circle)) == 1:
        raise UnfitParents("A monitor cannot depend on itself.")
    named = names(session, circle)
    way = " depends on ".join(f"“{named[each]}”" for each in circle)
    raise UnfitParents(f"That would be a circle: {way}.")
