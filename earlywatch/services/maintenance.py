"""Maintenance windows: whom nobody is told of at a moment, and until when.

What owners do with them is in `maintenance_edits`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.cron import Cron
from earlywatch.domain.windows import Begins, Once, Weekly, Window
from earlywatch.errors import EarlywatchError
from earlywatch.models import Maintenance, Monitor, Workspace
from earlywatch.models.incident import Held
from earlywatch.models.maintenance import Recurrence
from earlywatch.services.cases import Case
from earlywatch.services.holding import Hold

# In the order in which they are planned: two that wait for each other would never end.
WAKE = text("""
    UPDATE incident SET next_step_at = greatest(CAST(:now AS timestamptz), snoozed_until)
    WHERE id IN (
        SELECT incident.id FROM incident JOIN monitor ON monitor.id = incident.monitor_id
        WHERE monitor.workspace_id = :workspace_id
            AND incident.resolved_at IS NULL AND incident.held = 'maintenance'
        ORDER BY incident.id FOR UPDATE OF incident
    )
""")


@dataclass(frozen=True)
class Active:
    """A window that it is in now; `until` (UTC) is when it ends."""

    maintenance: Maintenance
    since: datetime
    until: datetime

    def is_for(self, monitor_id: int, tags: Collection[str]) -> bool:
        """Tell whether it is for such a monitor."""
        wanted = self.maintenance
        if wanted.monitor_id is not None:
            return wanted.monitor_id == monitor_id
        return not wanted.tags or not set(wanted.tags).isdisjoint(tags)


def hold(session: Session, cases: Sequence[Case], now: datetime) -> dict[int, Hold]:
    """Return by incident until when a window holds it back, for those that are in one at `now`.

    Keeps the windows from being changed until the transaction ends: whoever changes one looks
    afterwards for what it held back.
    """
    windows_of: dict[int, list[Active]] = {}
    for each in _active(session, {case.workspace_id for case in cases}, now, keep=True):
        windows_of.setdefault(each.maintenance.workspace_id, []).append(each)
    found: dict[int, Hold] = {}
    for case in cases if windows_of else ():
        windows = windows_of.get(case.workspace_id, ())
        last = last_for(windows, case.monitor_id, case.tags)
        if last is not None:
            found[case.incident_id] = Hold(Held.MAINTENANCE, last.until)
    return found


def active(session: Session, workspace: Workspace, now: datetime) -> list[Active]:
    """Return the windows of a workspace that it is in at `now` (UTC), the first to end first."""
    return sorted(_active(session, {workspace.id}, now), key=lambda each: each.until)


def last_for(windows: Iterable[Active], monitor_id: int, tags: Collection[str]) -> Active | None:
    """Return the window for such a monitor that ends last, None if none is for it."""
    mine = (each for each in windows if each.is_for(monitor_id, tags))
    return max(mine, key=lambda each: each.until, default=None)


def of_monitors(
    session: Session, workspace: Workspace, monitors: Iterable[Monitor], now: datetime
) -> dict[int, Active]:
    """Return by id the window that each of some monitors is in at `now`, where it is in one."""
    windows = active(session, workspace, now)
    if not windows:
        return {}
    found = {monitor.id: last_for(windows, monitor.id, monitor.tags) for monitor in monitors}
    return {monitor_id: each for monitor_id, each in found.items() if each is not None}


def window_of(maintenance: Maintenance) -> Window:
    """Return what a row says. Raises a sentence if this version cannot read it any more."""
    return Window(_begins(maintenance), maintenance.length, maintenance.ended_at)


def find_window(maintenance: Maintenance) -> Window | None:
    """Return what a row says, None if this version cannot read it any more."""
    try:
        return window_of(maintenance)
    except EarlywatchError:
        return None


def wake(session: Session, workspace_id: int, now: datetime) -> None:
    """Let the next tick look again at what windows hold back: one was changed or deleted.

    In a transaction after the one that changed it: whoever plans holds incidents, then windows.
    """
    session.execute(WAKE, {"workspace_id": workspace_id, "now": now})


def _active(
    session: Session, workspace_ids: Collection[int], now: datetime, *, keep: bool = False
) -> list[Active]:
    query = select(Maintenance).where(
        Maintenance.workspace_id.in_(workspace_ids),
        or_(
            Maintenance.starts_at.is_(None),
            Maintenance.starts_at.between(now - Maintenance.length, now),
        ),
    )
    query = query.order_by(Maintenance.id).execution_options(populate_existing=True)
    found = []
    for row in session.scalars(query.with_for_update(read=True) if keep else query):
        window = find_window(row)
        span = window.covering(now) if window else None
        if span is not None:
            found.append(Active(row, *span))
    return found


def _begins(row: Maintenance) -> Begins:
    if row.recurrence == Recurrence.CRON:
        return Cron(row.expression or "", row.time_zone)
    if row.starts is not None:
        return Weekly(tuple(row.weekdays), row.starts, row.time_zone)
    assert row.starts_at is not None  # a constraint of the table
    return Once(row.starts_at, row.time_zone)
