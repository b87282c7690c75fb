"""The secrets in ping URLs: changing them, and who still uses the old ones."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Subquery, func, select, true
from sqlalchemy.orm import Session

from earlywatch.errors import EarlywatchError
from earlywatch.models import Monitor, Ping, Workspace
from earlywatch.models.workspace import new_ping_key
from earlywatch.services.monitors import lock_monitor

AT_ONCE = timedelta(0)
OVERLAPS = (timedelta(days=1), timedelta(days=7), timedelta(days=30), AT_ONCE)
USUAL_OVERLAP = timedelta(days=7)
# Pings through an old key that are read for each monitor, the newest: one page must not read all.
READ_OF_ONE = 500
READ_OF_EACH = 20
USERS_SHOWN = 100


class KeyChanged(EarlywatchError):
    """The key is not the one that the person saw: a second press, or an old page, does nothing."""


@dataclass(frozen=True)
class OldKey:
    """A key that was replaced and still works, `until` then (UTC).

    `change` tells which change replaced it; it is no secret.
    """

    key: str
    until: datetime
    change: str


@dataclass(frozen=True)
class OldKeyUser:
    """Where pings through an old key came from since it was replaced. Moments are UTC.

    `pings` counts the newest ones alone; `more` says that there were others before.
    """

    monitor_id: int
    monitor_name: str
    address: str | None
    agent: str | None
    last_at: datetime
    pings: int
    more: bool


def old_key(keyed: Monitor | Workspace, now: datetime) -> OldKey | None:
    """Return the replaced key of a monitor or workspace, if it still works at `now` (UTC)."""
    key, until = keyed.old_ping_key, keyed.old_key_until
    if key is None or until is None or until <= now:
        return None
    return OldKey(str(key), until, _change(keyed))


def rotate_monitor_key(
    session: Session,
    workspace: Workspace,
    monitor_id: int,
    overlap: timedelta,
    now: datetime,
    *,
    seen: str | None = None,
) -> Monitor:
    """Give a monitor a new key. The one it had works for `overlap` from `now` (UTC).

    A key that was replaced before ends at once. `seen` is the key that the person saw. Raises
    NotFound, and KeyChanged with a sentence if the key is another one by now.
    """
    monitor = lock_monitor(session, workspace, monitor_id)
    _refuse_other(str(monitor.ping_key), seen)
    monitor.old_ping_key = monitor.ping_key if overlap else None
    monitor.ping_key = uuid4()
    _date_change(monitor, overlap, now)
    session.flush()
    return monitor


def rotate_workspace_key(
    session: Session,
    workspace: Workspace,
    overlap: timedelta,
    now: datetime,
    *,
    seen: str | None = None,
) -> Workspace:
    """Give a workspace a new ping key, as `rotate_monitor_key` does to a monitor."""
    workspace = _lock_workspace(session, workspace)
    _refuse_other(workspace.ping_key, seen)
    workspace.old_ping_key = workspace.ping_key if overlap else None
    workspace.ping_key = new_ping_key()
    _date_change(workspace, overlap, now)
    session.flush()
    return workspace


def end_overlap(
    session: Session,
    workspace: Workspace,
    monitor_id: int | None = None,
    *,
    seen: str | None = None,
) -> None:
    """Let the replaced key of a monitor, or without one of the workspace, work no longer.

    `seen` is the change of the old key that the person saw. Raises NotFound, and KeyChanged with
    a sentence if another change came by now.
    """
    keyed = (
        _lock_workspace(session, workspace)
        if monitor_id is None
        else lock_monitor(session, workspace, monitor_id)
    )
    _refuse_other(_change(keyed), seen)
    keyed.old_ping_key = keyed.old_key_until = None
    session.flush()


def set_create_by_ping(session: Session, workspace: Workspace, *, allowed: bool) -> None:
    """Choose whether pings by a name that does not exist may make its monitor."""
    _lock_workspace(session, workspace).create_by_ping = allowed
    session.flush()


def users_of_old_key(
    session: Session, workspace: Workspace, monitor: Monitor | None = None
) -> list[OldKeyUser]:
    """Return who used the old key of a monitor, or of its workspace, since it was replaced.

    The newest come first. Reads a bounded number of pings for each monitor.
    """
    since = (monitor or workspace).key_changed_at
    if since is None:
        return []
    mine = Monitor.workspace_id == workspace.id
    which = Monitor.slug.is_not(None) if monitor is None else Monitor.id == monitor.id
    monitors = select(Monitor.id, Monitor.name).where(mine, which).subquery("monitors")
    return _users(session, monitors, since, READ_OF_EACH if monitor is None else READ_OF_ONE)


def _users(session: Session, monitors: Subquery, since: datetime, most: int) -> list[OldKeyUser]:
    newest = (
        select(Ping.remote_address, Ping.user_agent, Ping.received_at)
        .where(Ping.monitor_id == monitors.c.id, Ping.old_key)
        .correlate(monitors)
        .order_by(Ping.id.desc())
        .limit(most)
        .lateral("newest")
    )
    last_at, count = func.max(newest.c.received_at), func.count()
    # Of a monitor whose pings were not all read, any of its users may have sent more.
    more = func.sum(count).over(partition_by=monitors.c.id) >= most
    query = (
        select(
            monitors.c.id,
            monitors.c.name,
            newest.c.remote_address,
            newest.c.user_agent,
            last_at,
            count,
            more,
        )
        .join(newest, true())
        .where(newest.c.received_at >= since)
        .group_by(monitors.c.id, monitors.c.name, newest.c.remote_address, newest.c.user_agent)
        .order_by(last_at.desc(), monitors.c.id)
        .limit(USERS_SHOWN)
    )
    return [
        OldKeyUser(monitor_id, name, str(address) if address else None, *rest)
        for monitor_id, name, address, *rest in session.execute(query)
    ]


def _refuse_other(key: str, seen: str | None) -> None:
    if seen is not None and seen != key:
        raise KeyChanged("The key was changed meanwhile, so nothing was done now.")


def _change(keyed: Monitor | Workspace) -> str:
    return str(keyed.key_changed_at.timestamp()) if keyed.key_changed_at else ""


def _date_change(keyed: Monitor | Workspace, overlap: timedelta, now: datetime) -> None:
    keyed.old_key_until = now + overlap if overlap else None
    keyed.key_changed_at = now


def _lock_workspace(session: Session, workspace: Workspace) -> Workspace:
    # Wholly: writing what is unique needs that in the end, and asking for more later may deadlock.
    query = select(Workspace).where(Workspace.id == workspace.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()
