"""An alert as a value, made out of the database for one channel at the moment of sending."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, load_only

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
from earlywatch.models import Channel, Delivery, Fold, Incident, Monitor, Workspace
from earlywatch.services import explaining
from earlywatch.services.links import Links

# Of the five rows only what is needed: each column costs, hundreds of times a second.
NEEDED = (
    (
        Delivery.public_id,
        Delivery.incident_id,
        Delivery.channel_id,
        Delivery.alert,
        Delivery.number,
        Delivery.urgent,
        Delivery.attempts,
        Delivery.created_at,
        Delivery.due_at,
        Delivery.slot_at,
        Delivery.fallback_for_id,
        Delivery.words,
    ),
    (
        Channel.workspace_id,
        Channel.kind,
        Channel.name,
        Channel.config,
        Channel.verified_at,
        Channel.broken_at,
        Channel.unsubscribed_at,
        Channel.confirm_epoch,
    ),
    (Workspace.name, Workspace.plan),
    (
        Incident.monitor_id,
        Incident.cause,
        Incident.opened_at,
        Incident.resolved_at,
        Incident.expected_at,
        Incident.last_ping_at,
        Incident.exit_status,
        Incident.explained,
        Incident.fold_id,
        Incident.acknowledged_by,
    ),
    (
        Monitor.name,
        Monitor.schedule_kind,
        Monitor.period,
        Monitor.expression,
        Monitor.time_zone,
        Monitor.grace,
    ),
)
# All that an alert is made of, in one query; never from the session's memory, which may be old.
TOLD = (
    select(Delivery, Channel, Workspace, Incident, Monitor)
    .join(Channel, Channel.id == Delivery.channel_id)
    .join(Workspace, Workspace.id == Channel.workspace_id)
    .outerjoin(Incident, Incident.id == Delivery.incident_id)
    .outerjoin(Monitor, Monitor.id == Incident.monitor_id)
    .where(Delivery.id == bindparam("delivery_id"))
    .options(*(load_only(*columns) for columns in NEEDED))
    .execution_options(populate_existing=True)
)
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

    delivery: Delivery
    channel: Channel
    workspace: Workspace
    alert: Alert


def compose(
    session: Session,
    delivery_id: int,
    links: Links,
    now: datetime,
    reply_domain: str | None = None,
) -> Told:
    """Return what a delivery says at `now` (UTC).

    `reply_domain` is where mails to us are read, None if nobody reads them. Raises whatever is
    wrong with rows that cannot be told.
    """
    row = session.execute(TOLD, {"delivery_id": delivery_id}).one()
    delivery, channel, workspace, incident, monitor = row
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
    kind: AlertKind, delivery: Delivery, channel: Channel, links: Links, now: datetime
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
    session: Session, delivery: Delivery, incident: Incident, monitor: Monitor, links: Links
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


def _trouble(incident: Incident, monitor: Monitor, links: Links, output: str) -> Trouble:
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


def _answerable(alert: Alert, channel: Channel, links: Links, reply_domain: str | None) -> Alert:
    """Return the alert with what it takes to acknowledge the trouble that it tells of."""
    assert alert.trouble is not None, "only alerts of an incident can be acknowledged"
    incident_id = alert.trouble.incident_id
    token = links.act_token(incident_id, channel)
    reply_to = f"ack+{token}@{reply_domain}" if reply_domain else None
    return replace(
        alert, act_url=links.act(incident_id, channel), act_token=token, reply_to=reply_to
    )
