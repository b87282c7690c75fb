"""Pings as they reach the service, and what became of them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Interval
from earlywatch.models import Incident, Monitor, Ping
from earlywatch.services.incoming import ByName, IncomingPing, Wish

DAILY = Wish(Interval(timedelta(days=1)), timedelta(hours=1), "UTC")


def ping(
    whom: Monitor | UUID | ByName, kind: PingKind, at: datetime, **more: object
) -> IncomingPing:
    """A ping that came at `at` (UTC)."""
    name = whom.ping_key if isinstance(whom, Monitor) else whom
    about = {"method": "GET", "scheme": "https", **more}
    return IncomingPing(name, kind, at, **about)  # type: ignore[arg-type]


def stored(session: Session, monitor: Monitor) -> list[Ping]:
    """The pings of a monitor, the oldest first."""
    return list(session.scalars(select(Ping).filter_by(monitor_id=monitor.id).order_by(Ping.id)))


def incidents(session: Session, monitor: Monitor) -> list[Incident]:
    """The incidents of a monitor as they are now, the oldest first."""
    query = select(Incident).filter_by(monitor_id=monitor.id).order_by(Incident.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))
