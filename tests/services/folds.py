"""Monitors that fall silent together, and what is told of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.alert import OF_TROUBLE
from earlywatch.domain.monitor import Cause, PingKind, on_pause, on_ping
from earlywatch.models import Channel, Delivery, Fold, Incident, Monitor, Workspace
from earlywatch.services import incidents, telling
from earlywatch.services.incidents import Opening
from tests.builders import NOW, make_monitor, make_ping

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def make_late(
    session: Session,
    workspace: Workspace,
    channels: Sequence[Channel],
    address: str | None = None,
    *,
    at: datetime = NOW,
    **columns: Any,
) -> Monitor:
    """A monitor that is late since `at`, whose last ping came from `address`; nobody knows yet."""
    up = {"status": "late", "last_ping_at": at - HOUR, "last_success_at": at - HOUR}
    monitor = make_monitor(session, workspace, channels=channels, **{**up, **columns})
    if address:
        make_ping(session, monitor, now=at - HOUR, remote_address=address)
    return monitor


def open_all(
    session: Session, monitors: Sequence[Monitor], at: datetime = NOW, cause: Cause = Cause.MISSED
) -> list[Incident]:
    """Open an incident for each in one round, as the detector does."""
    openings = [Opening(each.id, cause, at, at - MINUTE, at - HOUR) for each in monitors]
    incidents.open_all(session, openings, at)
    return [open_one(session, monitor) for monitor in monitors]


def open_one(session: Session, monitor: Monitor) -> Incident:
    """The newest incident of a monitor, as it is now."""
    query = select(Incident).filter_by(monitor_id=monitor.id).order_by(Incident.id.desc())
    return session.scalars(query.limit(1).execution_options(populate_existing=True)).one()


def back(session: Session, monitor: Monitor, at: datetime) -> None:
    """Let a success come."""
    changes = on_ping(monitor.state, monitor.rules, PingKind.SUCCESS, at)
    incidents.apply(session, monitor, changes, at)


def pause(session: Session, monitor: Monitor, at: datetime) -> None:
    """Pause a monitor."""
    incidents.apply(session, monitor, on_pause(monitor.state, monitor.grace, at), at)


def tick(session: Session, at: datetime) -> None:
    """Plan what is due by time."""
    telling.tell_due(session, at)


def deliveries(session: Session) -> list[Delivery]:
    """All deliveries, in order."""
    query = select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)
    return list(session.scalars(query))


def told(session: Session) -> list[tuple[int | None, str, int]]:
    """Incident, alert and number of each delivery, in order."""
    return [(each.incident_id, each.alert, each.number) for each in deliveries(session)]


def mark_sent(session: Session, at: datetime) -> None:
    """Let everything that waits be sent."""
    for each in deliveries(session):
        if each.state == "pending":
            each.state, each.attempts, each.sent_at = "sent", 1, at
    session.flush()


def untold(session: Session) -> list[Incident]:
    """Open incidents that no alert of trouble tells of, on its own or in a list.

    What was sent before incidents were put together, or one was among them, does not tell of it.
    """
    query = select(Delivery).where(Delivery.alert.in_([kind.value for kind in OF_TROUBLE]))
    by_incident: dict[int | None, list[Delivery]] = defaultdict(list)
    for each in session.scalars(query):
        by_incident[each.incident_id].append(each)
    fresh = select(Fold).execution_options(populate_existing=True)
    folds = {fold.id: fold for fold in session.scalars(fresh)}
    found = select(Incident).where(Incident.resolved_at.is_(None))
    return [
        incident
        for incident in session.scalars(found.execution_options(populate_existing=True))
        if not by_incident[incident.id]
        and not _in_list(incident, folds.get(incident.fold_id or 0), by_incident)
    ]


def _in_list(
    incident: Incident, fold: Fold | None, by_incident: Mapping[int | None, Sequence[Delivery]]
) -> bool:
    if fold is None:
        return False
    since = max(fold.opened_at, incident.noticed_at)
    told = by_incident.get(fold.first_id, ())
    return any(each.sent_at is None or each.sent_at >= since for each in told)
