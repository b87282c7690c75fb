"""What happened to a monitor: its pings, its incidents, and who was told of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, defer, joinedload

from earlywatch.errors import NotFound
from earlywatch.models import Delivery, Incident, Monitor, Ping, Workspace

PINGS_PER_PAGE = 30
INCIDENTS_SHOWN = 20


@dataclass(frozen=True)
class LoggedPing:
    """One line of the ping log; the body itself is read only on its own page."""

    ping: Ping
    body_bytes: int | None


@dataclass(frozen=True)
class PingLog:
    """One page, newest first. `older` and `newer` are the ids to page on from, if any.

    `beyond`: which pings ("older" or "newer") were asked for although there are none.
    """

    lines: list[LoggedPing]
    older: int | None = None
    newer: int | None = None
    beyond: str = ""


@dataclass(frozen=True)
class Story:
    """An incident and who was told of it, in the order of telling."""

    incident: Incident
    deliveries: Sequence[Delivery]


def ping_log(
    session: Session, monitor: Monitor, before: int | None = None, after: int | None = None
) -> PingLog:
    """Return the newest pings, or those next older than id `before` or newer than id `after`."""
    query = (
        select(Ping, func.octet_length(Ping.body))
        .options(defer(Ping.body, raiseload=True))
        .where(Ping.monitor_id == monitor.id)
        .limit(PINGS_PER_PAGE + 1)
    )
    if after is not None:
        query = query.where(Ping.id > after).order_by(Ping.id)
    else:
        query = query.order_by(Ping.id.desc())
    if before is not None:
        query = query.where(Ping.id < before)
    found = [LoggedPing(ping, size) for ping, size in session.execute(query)]
    lines, more = found[:PINGS_PER_PAGE], len(found) > PINGS_PER_PAGE
    if after is not None:
        lines.reverse()
    return _page(lines, more, before, after)


def find_ping(session: Session, workspace: Workspace, monitor_id: int, ping_id: int) -> Ping:
    """Return one ping of a monitor of the workspace, body included. Raises NotFound."""
    query = (
        select(Ping)
        .join(Monitor, Monitor.id == Ping.monitor_id)
        .where(Monitor.workspace_id == workspace.id, Monitor.id == monitor_id, Ping.id == ping_id)
    )
    ping = session.scalar(query)
    if ping is None:
        raise NotFound("There is no such ping.")
    return ping


def stories(session: Session, monitor: Monitor) -> list[Story]:
    """Return the latest incidents of a monitor, newest first."""
    query = (
        select(Incident)
        .where(Incident.monitor_id == monitor.id)
        .order_by(Incident.opened_at.desc(), Incident.id.desc())
        .limit(INCIDENTS_SHOWN)
    )
    incidents = session.scalars(query).all()
    told = _deliveries(session, [incident.id for incident in incidents])
    return [Story(incident, told[incident.id]) for incident in incidents]


def find_story(session: Session, workspace: Workspace, incident_id: int) -> Story:
    """Return one incident of the workspace with its monitor. Raises NotFound."""
    query = (
        select(Incident)
        .join(Incident.monitor)
        .options(contains_eager(Incident.monitor))
        .where(Monitor.workspace_id == workspace.id, Incident.id == incident_id)
    )
    incident = session.scalar(query)
    if incident is None:
        raise NotFound("There is no such incident.")
    return Story(incident, _deliveries(session, [incident.id])[incident.id])


def _deliveries(session: Session, incident_ids: Iterable[int]) -> dict[int, list[Delivery]]:
    query = (
        select(Delivery)
        .options(joinedload(Delivery.channel))
        .where(Delivery.incident_id.in_(incident_ids))
        .order_by(Delivery.id)
    )
    told: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in session.scalars(query):
        assert delivery.incident_id is not None
        told[delivery.incident_id].append(delivery)
    return told


def _page(lines: list[LoggedPing], more: bool, before: int | None, after: int | None) -> PingLog:
    """`more` tells that further pings lie in the direction of reading; we came from the other."""
    if not lines:
        beyond = "older" if before is not None else "newer" if after is not None else ""
        return PingLog(lines, beyond=beyond)
    older_exist = more if after is None else True
    newer_exist = more if after is not None else before is not None
    return PingLog(
        lines,
        older=lines[-1].ping.id if older_exist else None,
        newer=lines[0].ping.id if newer_exist else None,
    )
