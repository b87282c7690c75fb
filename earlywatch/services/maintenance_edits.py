"""What an owner does with maintenance windows: add, change, end early, delete.

After the last three, `maintenance.wake` must be called in a transaction of its own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from earlywatch.domain.cron import Cron
from earlywatch.domain.windows import Once, Span, Weekly, Window
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Maintenance, Monitor, Workspace
from earlywatch.models.maintenance import Recurrence
from earlywatch.services import incidents, maintenance
from earlywatch.services.texts import printable

LONGEST_NAME = 100
MOST_WINDOWS = 200  # of a workspace that are not over
PAST_SHOWN = 20


class InvalidMaintenance(EarlywatchError):
    """Something that cannot be kept, or one too many."""


@dataclass(frozen=True)
class MaintenanceValues:
    """What the owner decides. It is for one monitor, for `tags`, or without either for all."""

    name: str
    window: Window
    tags: tuple[str, ...] = ()
    monitor_id: int | None = None


@dataclass(frozen=True)
class Listed:
    """A window in a list. `span` (UTC) is the present or next one, None if there is none.

    `window` is None where this version cannot read it any more; it then holds nothing.
    """

    maintenance: Maintenance
    window: Window | None
    span: Span | None
    monitor: str | None  # the name of the one that it is for


@dataclass(frozen=True)
class Listing:
    """All windows of a workspace."""

    now: list[Listed]
    coming: list[Listed]
    past: list[Listed]


def clean_window_name(text: str) -> str:
    """Return `text` with single spaces. Raises InvalidMaintenance."""
    name = " ".join(text.split())
    if not name:
        raise InvalidMaintenance('A window needs a name, for example "database upgrade".')
    if len(name) > LONGEST_NAME:
        raise InvalidMaintenance(f"The name may have at most {LONGEST_NAME} characters.")
    if not printable(name):
        raise InvalidMaintenance("The name holds a character that cannot be shown.")
    return name


def list_windows(session: Session, workspace: Workspace, now: datetime) -> Listing:
    """Return the windows: those it is in, those to come by their beginning, the last past ones."""
    query = (
        select(Maintenance, Monitor.name)
        .outerjoin(Monitor, Monitor.id == Maintenance.monitor_id)
        .where(Maintenance.workspace_id == workspace.id)
        .order_by(_over(now), Maintenance.id.desc())
        .limit(MOST_WINDOWS + PAST_SHOWN)
    )
    listing = Listing([], [], [])
    for row, monitor in session.execute(query):
        window = maintenance.find_window(row)
        spans = window.next_windows(now, 1) if window else []
        each = Listed(row, window, spans[0] if spans else None, monitor)
        _place(listing, each, now)
    listing.now.sort(key=_end)
    listing.coming.sort(key=_begin)
    del listing.past[PAST_SHOWN:]
    return listing


def find_window(session: Session, workspace: Workspace, maintenance_id: int) -> Maintenance:
    """Return one window of the workspace. Raises NotFound."""
    return _found(session, workspace, maintenance_id)


def create_window(
    session: Session, workspace: Workspace, values: MaintenanceValues, now: datetime
) -> Maintenance:
    """Add a window. Raises InvalidMaintenance where there are too many, and NotFound."""
    Workspace.lock(session, workspace.id)
    _refuse_many(session, workspace, now)
    row = Maintenance(workspace_id=workspace.id, created_at=now)
    _write(session, workspace, row, values)
    session.add(row)
    session.flush()
    incidents.notify(session, workspace.id)
    return row


def edit_window(
    session: Session,
    workspace: Workspace,
    maintenance_id: int,
    values: MaintenanceValues,
) -> Maintenance:
    """Change a window. Raises NotFound."""
    row = _found(session, workspace, maintenance_id, lock=True)
    _write(session, workspace, row, values)
    incidents.notify(session, workspace.id)
    return row


def end_window(
    session: Session, workspace: Workspace, maintenance_id: int, now: datetime
) -> Maintenance:
    """End the window that it is in; one that comes again does so. Raises NotFound."""
    row = _found(session, workspace, maintenance_id, lock=True)
    row.ended_at = now
    incidents.notify(session, workspace.id)
    return row


def delete_window(session: Session, workspace: Workspace, maintenance_id: int) -> str:
    """Delete it; return the name it had. Raises NotFound."""
    row = _found(session, workspace, maintenance_id, lock=True)
    session.delete(row)
    incidents.notify(session, workspace.id)
    return row.name


def rest_monitor(
    session: Session, workspace: Workspace, monitor: Monitor, length: timedelta, now: datetime
) -> Maintenance:
    """Add a window for one monitor alone, from the minute of `now` (UTC)."""
    window = Window(Once(now.replace(second=0, microsecond=0), monitor.time_zone), length)
    values = MaintenanceValues(monitor.name, window, monitor_id=monitor.id)
    return create_window(session, workspace, values, now)


def _found(
    session: Session, workspace: Workspace, maintenance_id: int, *, lock: bool = False
) -> Maintenance:
    query = select(Maintenance).where(
        Maintenance.workspace_id == workspace.id, Maintenance.id == maintenance_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(query)
    if row is None:
        raise NotFound("There is no such maintenance window.")
    return row


def _over(now: datetime) -> ColumnElement[bool]:
    once = Maintenance.recurrence == Recurrence.ONCE
    return and_(once, Maintenance.starts_at + Maintenance.length < now)


def _refuse_many(session: Session, workspace: Workspace, now: datetime) -> None:
    query = select(func.count()).where(Maintenance.workspace_id == workspace.id, ~_over(now))
    if (session.scalar(query) or 0) >= MOST_WINDOWS:
        raise InvalidMaintenance(
            f"There are {MOST_WINDOWS} windows already. Delete some, or use tags in one of them."
        )


def _write(
    session: Session, workspace: Workspace, row: Maintenance, values: MaintenanceValues
) -> None:
    if values.monitor_id is not None:
        _check_monitor(session, workspace, values.monitor_id)
    begins = values.window.begins
    row.name, row.tags, row.monitor_id = values.name, list(values.tags), values.monitor_id
    row.length, row.time_zone = values.window.length, begins.time_zone
    row.ended_at = values.window.ended_at
    row.starts_at = row.starts = row.expression = None
    row.weekdays = []
    if isinstance(begins, Cron):
        row.recurrence, row.expression = Recurrence.CRON.value, begins.expression
    elif isinstance(begins, Weekly):
        row.recurrence, row.starts = Recurrence.WEEKLY.value, begins.starts
        row.weekdays = list(begins.weekdays)
    else:
        row.recurrence, row.starts_at = Recurrence.ONCE.value, begins.starts_at


def _check_monitor(session: Session, workspace: Workspace, monitor_id: int) -> None:
    query = select(Monitor.id).where(Monitor.workspace_id == workspace.id, Monitor.id == monitor_id)
    if session.scalar(query) is None:
        raise NotFound("There is no such monitor.")


def _place(listing: Listing, each: Listed, now: datetime) -> None:
    if each.span is None:
        listing.past.append(each)
    elif each.span[0] <= now:
        listing.now.append(each)
    else:
        listing.coming.append(each)


def _begin(each: Listed) -> datetime:
    assert each.span
    return each.span[0]


def _end(each: Listed) -> datetime:
    assert each.span
    return each.span[1]
