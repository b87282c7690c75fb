"""What an alert is made of: columns of five tables, read in one query."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import FromClause, Row, Select, select

from earlywatch.domain.schedule import words_of
from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace

# Entities would be more convenient, and loading them took a quarter of the time of a delivery.


class DeliveryRow(NamedTuple):
    """Of `delivery`."""

    id: int
    public_id: UUID
    incident_id: int | None
    channel_id: int
    alert: str
    number: int
    urgent: bool
    attempts: int
    created_at: datetime
    due_at: datetime | None
    slot_at: datetime | None
    fallback_for_id: int | None
    words: dict[str, Any] | None


class ChannelRow(NamedTuple):
    """Of `channel`."""

    id: int
    kind: str
    name: str
    config: dict[str, Any]
    verified_at: datetime | None
    broken_at: datetime | None
    unsubscribed_at: datetime | None
    confirm_epoch: int


class WorkspaceRow(NamedTuple):
    """Of `workspace`."""

    id: int
    name: str
    plan: str


class IncidentRow(NamedTuple):
    """Of `incident`; all None if the delivery tells of none."""

    id: int
    monitor_id: int
    cause: str
    opened_at: datetime
    resolved_at: datetime | None
    expected_at: datetime | None
    last_ping_at: datetime | None
    exit_status: int | None
    explained: dict[str, Any] | None
    fold_id: int | None
    acknowledged_by: str | None


class MonitorRow(NamedTuple):
    """Of `monitor`; all None if the delivery tells of no incident."""

    name: str
    schedule_kind: str
    period: timedelta | None
    expression: str | None
    time_zone: str
    grace: timedelta | None

    @property
    def schedule_words(self) -> str:
        """The schedule in words."""
        return words_of(self.schedule_kind, self.period, self.expression, self.time_zone)


class Rows(NamedTuple):
    """One row of each."""

    delivery: DeliveryRow
    channel: ChannelRow
    workspace: WorkspaceRow
    incident: IncidentRow
    monitor: MonitorRow


DELIVERY, CHANNEL, WORKSPACE, INCIDENT, MONITOR = (
    model.metadata.tables[model.__tablename__]
    for model in (Delivery, Channel, Workspace, Incident, Monitor)
)


def query(delivery: FromClause) -> Select[*tuple[Any, ...]]:
    """Return the query of what is told by deliveries, whose columns are those of `DeliveryRow`."""
    sources: tuple[FromClause, ...] = (delivery, CHANNEL, WORKSPACE, INCIDENT, MONITOR)
    parts = zip(sources, Rows.__annotations__.values(), strict=True)
    return (
        select(*(source.c[name] for source, part in parts for name in part._fields))
        .select_from(delivery)
        .join(CHANNEL, CHANNEL.c.id == delivery.c.channel_id)
        .join(WORKSPACE, WORKSPACE.c.id == CHANNEL.c.workspace_id)
        .outerjoin(INCIDENT, INCIDENT.c.id == delivery.c.incident_id)
        .outerjoin(MONITOR, MONITOR.c.id == INCIDENT.c.monitor_id)
    )


def rows(found: Row[*tuple[Any, ...]]) -> Rows:
    """Return what such a query found."""
    values = iter(found)
    return Rows(*(_take(part, values) for part in Rows.__annotations__.values()))


def _take(part: Any, values: Iterator[Any]) -> Any:
    return part(*(next(values) for _ in part._fields))
