"""An alert as a value, made out of the database for one channel at the moment of sending."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from earlywatch.domain.alert import (
    OF_INCIDENT,
    OF_TROUBLE,
    Alert,
    AlertKind,
    Folded,
    Notice,
    Trouble,
)
from earlywatch.domain.duration import format_duration
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Fold, Incident, Monitor
from earlywatch.services import explaining
from earlywatch.services.alert_rows import (
    ChannelRow,
    DeliveryRow,
    IncidentRow,
    MonitorRow,
    Rows,
    WorkspaceRow,
)
from earlywatch.services.links import Links

MEMBERS = (
    select(
        Fold.shared,
        Incident.id,
        Monitor.name,
        Incident.cause,
        Incident.opened_at,
        Incident.resolved_at,
    )
    .join(Incident, Incident.fold_id == Fold.id)
    .join(Monitor, Monitor.id == Incident.monitor_id)
    # Who was told of on its own before is told of on its own at the end, too.
    .where(Fold.id == bindparam("fold_id"), Fold.first_id == bindparam("incident_id"))
    .order_by(Incident.opened_at, Incident.id)
)
INSTEAD_OF = (
    select(Channel.name)
    .join(Delivery, Delivery.channel_id == Channel.id)
    .where(Delivery.id == bindparam("delivery_id"))
)


@dataclass(frozen=True)
class Told:
    """A delivery, where it goes, and what it says."""

    delivery: DeliveryRow
    channel: ChannelRow
    workspace: WorkspaceRow
    alert: Alert


def tell(
    session: Session, rows: Rows, links: Links, now: datetime, reply_domain: str | None = None
) -> Told:
    """Return what a delivery says at `now` (UTC), made out of its rows.

    `reply_domain` is where mails to us are read, None if nobody reads them. Raises whatever is
    wrong with rows that cannot be told.
    """
    delivery, channel, workspace, incident, monitor = rows
    kind = AlertKind(delivery.alert)
    values: dict[str, Any] = {}
    if kind in OF_INCIDENT:
        values |= _of_incident(session, delivery, incident, monitor, links)
    values |= _signed(kind, delivery, channel, links, now)
    if kind in (AlertKind.NOTICE, AlertKind.DIGEST):
        values["notice"] = _notice(delivery.words, links)
    alert = Alert(
        id=str(delivery.public_id),
        kind=kind,
        channel_name=channel.name,
        workspace_name=workspace.name,
        sent_at=now,
        urgent=delivery.urgent,
        number=delivery.number,
        **values,
    )
    if kind in OF_TROUBLE and not alert.ended_at:
        alert = _answerable(alert, channel, links, reply_domain)
    return Told(delivery, channel, workspace, alert)


def _signed(
    kind: AlertKind, delivery: DeliveryRow, channel: ChannelRow, links: Links, now: datetime
) -> dict[str, Any]:
    """Return what whoever gets the alert can do about the channel."""
    if kind is AlertKind.CONFIRM:
        code = links.confirm_code(channel)
        return {"confirm_url": links.confirm_channel(channel, now), "confirm_code": code}
    values = {"unsubscribe_url": links.unsubscribe(channel, now)}
    if kind is AlertKind.DRILL:
        values["drill_url"] = links.drill(delivery.id, channel)
        values["drill_token"] = links.drill_token(delivery.id, channel)
    return values


def write_notice(notice: Notice) -> dict[str, Any]:
    """Return what `delivery.words` holds of a notice. Its link may be a path of our site."""
    return {**vars(notice), "rows": [list(row) for row in notice.rows]}


def _notice(words: dict[str, Any] | None, links: Links) -> Notice:
    assert words is not None, "a notice is stored in words"
    rows = tuple((word, said) for word, said in words.get("rows", ()))
    url = words.get("url")
    if url and url.startswith("/"):
        url = links.base_url + url
    return Notice(**{**words, "rows": rows, "url": url})


def _of_incident(
    session: Session,
    delivery: DeliveryRow,
    incident: IncidentRow,
    monitor: MonitorRow,
    links: Links,
) -> dict[str, Any]:
    output = explaining.said(session, incident)
    values: dict[str, Any] = {"trouble": _trouble(incident, monitor, links, output)}
    if incident.fold_id is not None:
        asked = {"fold_id": incident.fold_id, "incident_id": incident.id}
        members = session.execute(MEMBERS, asked).all()
        values["shared"] = members[0].shared if members else ""
        values["folded"] = tuple(
            Folded(name, Cause(cause), opened_at, resolved_at, links.incident(incident_id))
            for _, incident_id, name, cause, opened_at, resolved_at in members
        )
    if delivery.fallback_for_id is not None:
        first = session.scalar(INSTEAD_OF, {"delivery_id": delivery.fallback_for_id})
        values["instead_of"] = first or ""
    return values


def _trouble(incident: IncidentRow, monitor: MonitorRow, links: Links, output: str) -> Trouble:
    explained = incident.explained or {}
    return Trouble(
        incident_id=incident.id,
        monitor_name=monitor.name,
        cause=Cause(incident.cause),
        schedule_words=monitor.schedule_words,
        time_zone=monitor.time_zone,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        expected_at=incident.expected_at,
        last_ping_at=incident.last_ping_at,
        exit_status=incident.exit_status,
        url=links.incident(incident.id),
        grace_words=format_duration(monitor.grace) if monitor.grace else "",
        output=output,
        hint=str(explained.get("hint") or ""),
        also=tuple(str(name) for name in explained.get("also") or ()),
        acknowledged_by=incident.acknowledged_by,
    )


def _answerable(alert: Alert, channel: ChannelRow, links: Links, reply_domain: str | None) -> Alert:
    """Return the alert with what it takes to acknowledge the trouble that it tells of."""
    assert alert.trouble is not None, "only alerts of an incident can be acknowledged"
    incident_id = alert.trouble.incident_id
    token = links.act_token(incident_id, channel)
    reply_to = f"ack+{token}@{reply_domain}" if reply_domain else None
    return replace(
        alert, act_url=links.act(incident_id, channel), act_token=token, reply_to=reply_to
    )
