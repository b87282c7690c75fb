"""Buttons of alerts: who holds one may act as the channel that the alert went to."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager

from earlywatch.domain.snooze import THROUGH
from earlywatch.models import Channel, Incident
from earlywatch.services import proving
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken


@dataclass(frozen=True)
class Holder:
    """What somebody got an alert of, and through which channel."""

    incident: Incident  # with its monitor
    channel: Channel

    @property
    def by(self) -> str:
        """Who acts, as far as is known."""
        return f"{THROUGH}{self.channel.name}"


def read(session: Session, links: Links, token: str) -> Holder:
    """Return what the button of an alert is for; changes nothing.

    If the incident has ended before others that were told of with it, it is for one of these.
    Raises InvalidToken if it is not ours, or if its channel was deleted, unsubscribed, broken or
    changed since: whoever holds it then may not be who is to be told now.
    """
    incident_id, channel_id = links.read_act(token)
    channel = session.get(Channel, channel_id)
    incident = _find(session, incident_id)
    if channel is None or not channel.usable:
        raise InvalidToken("The channel of this alert does not work any more.")
    if not links.may_act(token, channel):
        raise InvalidToken("The channel of this alert was changed since it was sent.")
    if incident is None or incident.monitor.workspace_id != channel.workspace_id:
        raise InvalidToken("What this alert told of is no longer on record.")
    return Holder(incident, channel)


def take(session: Session, links: Links, token: str, now: datetime) -> Holder:
    """Return what the button of an alert is for, that was pressed at `now` (UTC).

    So the alert was read, which proves its channel. Raises InvalidToken as `read` does.
    """
    holder = read(session, links, token)
    proving.prove(session, holder.channel.id, now)
    return holder


def _find(session: Session, incident_id: int) -> Incident | None:
    of_asked = select(Incident.fold_id).where(Incident.id == incident_id)
    fold_id = of_asked.correlate(None).scalar_subquery()
    found = (
        select(Incident)
        .join(Incident.monitor)
        .options(contains_eager(Incident.monitor))
        .where(or_(Incident.id == incident_id, Incident.fold_id == fold_id))
    )
    rather = (Incident.resolved_at.is_not(None), Incident.id != incident_id, Incident.id)
    return session.scalar(found.order_by(*rather).limit(1))
