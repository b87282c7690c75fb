"""A workspace, read in pages that fit in memory and in short transactions.

Each page is one step of a generator. Between two steps nothing of the transaction is needed: the
caller may end it. `until` (UTC) leaves out what comes while the export runs, so that it ends.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, and_, func, select, tuple_
from sqlalchemy.orm import Session

from earlywatch.models import BillingChange, Delivery, Incident, Monitor, Ping, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.models.monitor import monitor_parent

ROWS = 500  # in a page
BODIES = 1_000_000  # bytes of bodies in a page of pings; a single body may be larger

PING_COLUMNS: tuple[Any, ...] = (
    Ping.id,
    Ping.monitor_id,
    Ping.received_at,
    Ping.kind,
    Ping.reason,
    Ping.exit_status,
    Ping.run_id,
    Ping.duration.label("duration_seconds"),
    Ping.done,
    Ping.total,
    Ping.metrics,
    Ping.message,
    Ping.body,
    Ping.body_cut,
    Ping.body_key,
    Ping.body_bytes,
    Ping.masked,
    Ping.method,
    Ping.scheme,
    Ping.remote_address,
    Ping.user_agent,
    Ping.new_source,
    Ping.old_key,
)

T = TypeVar("T")


def monitor_pages(session: Session, workspace: Workspace) -> Iterator[Sequence[Monitor]]:
    """Yield the monitors in the order in which they were made."""
    query = select(Monitor).where(Monitor.workspace_id == workspace.id).order_by(Monitor.id)

    def read(last: Monitor | None) -> Sequence[Monitor]:
        after = Monitor.id > (last.id if last else 0)
        return session.scalars(query.where(after).limit(ROWS)).all()

    return _walk(read)


def incident_pages(
    session: Session, workspace: Workspace, until: datetime
) -> Iterator[Sequence[Incident]]:
    """Yield the incidents, monitor by monitor."""
    place = tuple_(Incident.monitor_id, Incident.id)
    for monitor_ids in _monitor_ids(session, workspace):
        theirs = select(Incident).where(
            Incident.monitor_id.in_(monitor_ids), Incident.opened_at <= until
        )

        def read(last: Incident | None, theirs: Any = theirs) -> Sequence[Incident]:
            after = place > ((last.monitor_id, last.id) if last else (0, 0))
            return session.scalars(theirs.where(after).order_by(place).limit(ROWS)).all()

        yield from _walk(read)


def ping_pages(
    session: Session, workspace: Workspace, until: datetime
) -> Iterator[Sequence[RowMapping]]:
    """Yield the pings with `PING_COLUMNS`, monitor by monitor, the oldest first.

    A monitor whose pings do not fit in the page is finished by itself, so that each query begins
    in the index where the last one ended.
    """
    for monitor_ids in _monitor_ids(session, workspace):
        waiting = monitor_ids
        while waiting and (page := _read_pings(session, Ping.monitor_id.in_(waiting), until)):
            yield page
            current = page[-1]["monitor_id"]
            while rest := _read_pings(session, _later(page[-1]), until):
                yield (page := rest)
            waiting = [monitor_id for monitor_id in waiting if monitor_id > current]


def change_pages(session: Session, workspace: Workspace) -> Iterator[Sequence[BillingChange]]:
    """Yield the billing history, the oldest first."""
    query = select(BillingChange).where(BillingChange.workspace_id == workspace.id)

    def read(last: BillingChange | None) -> Sequence[BillingChange]:
        after = BillingChange.id > (last.id if last else 0)
        return session.scalars(query.where(after).order_by(BillingChange.id).limit(ROWS)).all()

    return _walk(read)


def channel_ids_of(session: Session, monitors: Iterable[Monitor]) -> dict[int, list[int]]:
    """Return the ids of the channels that each of the monitors uses."""
    return _linked(session, monitors, monitor_channel.c.monitor_id, monitor_channel.c.channel_id)


def parent_ids_of(session: Session, monitors: Iterable[Monitor]) -> dict[int, list[int]]:
    """Return the ids of the monitors that each of the monitors depends on."""
    return _linked(session, monitors, monitor_parent.c.monitor_id, monitor_parent.c.parent_id)


def _linked(
    session: Session, monitors: Iterable[Monitor], given: Column[int], linked: Column[int]
) -> dict[int, list[int]]:
    ids = [monitor.id for monitor in monitors]
    query = select(given, linked).where(given.in_(ids)).order_by(linked)
    found: dict[int, list[int]] = defaultdict(list)
    for monitor_id, linked_id in session.execute(query):
        found[monitor_id].append(linked_id)
    return found


def deliveries_of(session: Session, incidents: Iterable[Incident]) -> dict[int, list[Delivery]]:
    """Return who was told of each of the incidents, in the order of telling."""
    ids = [incident.id for incident in incidents]
    query = select(Delivery).where(Delivery.incident_id.in_(ids)).order_by(Delivery.id)
    found: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in session.scalars(query):
        assert delivery.incident_id is not None
        found[delivery.incident_id].append(delivery)
    return found


def _walk(read: Callable[[T | None], Sequence[T]]) -> Iterator[Sequence[T]]:
    """Yield pages to the end; `read` is given the last row of the page before."""
    last = None
    while page := read(last):
        yield page
        last = page[-1]


def _monitor_ids(session: Session, workspace: Workspace) -> Iterator[Sequence[int]]:
    query = select(Monitor.id).where(Monitor.workspace_id == workspace.id).order_by(Monitor.id)

    def read(last: int | None) -> Sequence[int]:
        return session.scalars(query.where(Monitor.id > (last or 0)).limit(ROWS)).all()

    return _walk(read)


def _later(ping: RowMapping) -> ColumnElement[bool]:
    return and_(Ping.monitor_id == ping["monitor_id"], Ping.id > ping["id"])


def _read_pings(
    session: Session, wanted: ColumnElement[bool], until: datetime
) -> Sequence[RowMapping]:
    """Return the first of the `wanted` pings, as many as `ROWS` and `BODIES` allow."""
    order = (Ping.monitor_id, Ping.id)
    size = func.coalesce(Ping.body_bytes, func.octet_length(Ping.body))
    before = func.sum(size).over(order_by=order, rows=(None, -1))
    first = (
        select(Ping.id, func.coalesce(before, 0).label("bytes_before"))
        .where(wanted, Ping.received_at <= until)
        .order_by(*order)
        .limit(ROWS)
        .subquery()
    )
    fitting = select(*PING_COLUMNS).join(first, first.c.id == Ping.id)
    fitting = fitting.where(first.c.bytes_before < BODIES).order_by(*order)
    return session.execute(fitting).mappings().all()
