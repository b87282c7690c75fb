"""Which channels an incident is told through, and when each of them may be disturbed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.channels.group import NAME as GROUP
from earlywatch.domain.alert import OF_TROUBLE
from earlywatch.domain.escalation import Step
from earlywatch.models import Channel, Delivery, Workspace
from earlywatch.models.channel import channel_member, monitor_channel
from earlywatch.models.delivery import DeliveryState
from earlywatch.services.cases import Case
from earlywatch.services.channel_hours import due_at


class Recipients:
    """The channels of some workspaces at one moment: groups taken apart, unusable ones left out."""

    def __init__(self, session: Session, cases: Collection[Case], now: datetime) -> None:
        workspaces = {case.workspace_id for case in cases}
        query = select(Channel).where(Channel.workspace_id.in_(workspaces))
        self._now = now
        fresh = query.execution_options(populate_existing=True)
        self._channels = {channel.id: channel for channel in session.scalars(fresh)}
        self._members = _pairs(
            session.execute(
                select(channel_member).where(channel_member.c.group_id.in_(self._groups()))
            )
        )
        self._own = _pairs(
            session.execute(
                select(monitor_channel)
                .where(monitor_channel.c.monitor_id.in_({case.monitor_id for case in cases}))
                .order_by(monitor_channel.c.channel_id)
            )
        )
        chosen = select(Workspace.id, Workspace.fallback_channel_id).where(
            Workspace.id.in_(workspaces), Workspace.fallback_channel_id.is_not(None)
        )
        self._fallback = {row.id: row.fallback_channel_id for row in session.execute(chosen)}
        self._due: dict[tuple[int, bool], datetime] = {}

    def of_step(self, case: Case, step: Step) -> tuple[int, ...]:
        """Return the channels that a step names and that work, each once."""
        own = self._own.get(case.monitor_id, ()) if step.own else ()
        return self._working([*own, *step.channel_ids], case.workspace_id)

    def own(self, case: Case) -> tuple[int, ...]:
        """Return the monitor's own channels that work."""
        return self._working(self._own.get(case.monitor_id, ()), case.workspace_id)

    def instead(self, case: Case) -> tuple[int, ...]:
        """Return who is told where nobody who should be can be; the fallback at last."""
        fallback = self._fallback.get(case.workspace_id)
        return self.own(case) or self._working([fallback] if fallback else (), case.workspace_id)

    def working(self, channel_ids: Iterable[int], case: Case) -> tuple[int, ...]:
        """Return those of some channels that work still."""
        return self._working(channel_ids, case.workspace_id)

    def when(self, channel_id: int, *, urgent: bool) -> tuple[DeliveryState, datetime]:
        """Return whether an alert waits for a digest, and when it is due (UTC)."""
        channel = self._channels[channel_id]
        if channel.digest_every is not None and not urgent:
            return DeliveryState.GATHERED, self._now
        key = channel_id, urgent
        if key not in self._due:
            self._due[key] = due_at(channel, self._now, urgent=urgent)
        return DeliveryState.PENDING, self._due[key]

    def _groups(self) -> list[int]:
        return [channel.id for channel in self._channels.values() if channel.kind == GROUP]

    def _working(self, channel_ids: Iterable[int], workspace_id: int) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for named in channel_ids:
            for channel_id in self._members.get(named, (named,)):
                channel = self._channels.get(channel_id)
                # A group without members tells nobody.
                if channel is None or not channel.usable or channel.kind == GROUP:
                    continue
                if channel.workspace_id == workspace_id:
                    found[channel_id] = None
        return tuple(found)


def told(session: Session, incident_ids: Collection[int]) -> Mapping[int, Sequence[int]]:
    """Return by incident the channels that were told of it, or are about to be."""
    query = (
        select(Delivery.incident_id, Delivery.channel_id)
        .where(
            Delivery.incident_id.in_(incident_ids),
            Delivery.alert.in_([kind.value for kind in OF_TROUBLE]),
        )
        .distinct()
        .order_by(Delivery.incident_id, Delivery.channel_id)
    )
    return _pairs(
        (incident_id or 0, channel_id) for incident_id, channel_id in session.execute(query)
    )


def told_at(session: Session, incident_ids: Collection[int]) -> Mapping[int, datetime]:
    """Return by incident when (UTC) somebody was to be told of its trouble last."""
    query = (
        select(Delivery.incident_id, func.max(Delivery.created_at))
        .where(
            Delivery.incident_id.in_(incident_ids),
            Delivery.alert.in_([kind.value for kind in OF_TROUBLE]),
        )
        .group_by(Delivery.incident_id)
    )
    return {incident_id or 0: at for incident_id, at in session.execute(query)}


def _pairs(rows: Iterable[Sequence[int]]) -> Mapping[int, Sequence[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for one, other in rows:
        found[one].append(other)
    return found
