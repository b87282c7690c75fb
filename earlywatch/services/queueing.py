"""Deliveries on their way into the queue: each takes its turn, whatever others queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel
from earlywatch.models.delivery import DeliveryState

# Of two workspaces that queue at the same time each gets one alert out, then the next: the n-th of
# one counts as queued so much later.
APART = timedelta(milliseconds=20)
# What is urgent goes before what came a while before it.
HEAD_START = timedelta(minutes=2)

# Where the queue of each workspace ends that can go out now.
ENDS = text("""
    SELECT asked.id, (
        SELECT turn_at FROM delivery
        WHERE workspace_id = asked.id AND state = 'pending' AND attempts = 0
            AND next_attempt_at <= :now AND urgent = asked.urgent
        ORDER BY turn_at DESC LIMIT 1
    ) AS turn_at, asked.urgent
    FROM unnest(CAST(:ids AS bigint[]), CAST(:urgent AS boolean[])) AS asked (id, urgent)
""")
# Channels are locked before deliveries, here and everywhere: one that is being deleted is waited
# for. What was queued before is not queued again.
INSERT = text("""
    INSERT INTO delivery (workspace_id, incident_id, channel_id, alert, number, urgent, state,
        created_at, due_at, next_attempt_at, turn_at)
    SELECT queued.workspace_id, queued.incident_id, queued.channel_id, queued.alert,
        queued.number, queued.urgent, queued.state, :now, queued.due_at, queued.due_at,
        queued.turn_at
    FROM unnest(
        CAST(:workspace_ids AS bigint[]), CAST(:incident_ids AS bigint[]),
        CAST(:channel_ids AS bigint[]), CAST(:alerts AS text[]), CAST(:numbers AS integer[]),
        CAST(:urgent AS boolean[]), CAST(:states AS text[]), CAST(:due_ats AS timestamptz[]),
        CAST(:turn_ats AS timestamptz[])
    ) WITH ORDINALITY AS queued (workspace_id, incident_id, channel_id, alert, number, urgent,
        state, due_at, turn_at, place)
    JOIN channel ON channel.id = queued.channel_id
    ORDER BY queued.place
    FOR KEY SHARE OF channel
    ON CONFLICT DO NOTHING
""")


class ChannelGone(EarlywatchError):
    """A channel was deleted between choosing and queueing."""


@dataclass(frozen=True, slots=True)
class Queued:
    """One alert of an incident for one channel. `due_at` is UTC."""

    workspace_id: int
    incident_id: int
    channel_id: int
    alert: AlertKind
    number: int
    urgent: bool
    due_at: datetime
    state: DeliveryState = DeliveryState.PENDING


def queue(session: Session, rows: Sequence[Queued], now: datetime) -> int:
    """Queue alerts in the order given; return how many of them are new. Raises ChannelGone."""
    if not rows:
        return 0
    turns = Turns(session, {(row.workspace_id, row.urgent) for row in rows}, now)
    values = {
        "now": now,
        "workspace_ids": [row.workspace_id for row in rows],
        "incident_ids": [row.incident_id for row in rows],
        "channel_ids": [row.channel_id for row in rows],
        "alerts": [row.alert.value for row in rows],
        "numbers": [row.number for row in rows],
        "urgent": [row.urgent for row in rows],
        "states": [row.state.value for row in rows],
        "due_ats": [row.due_at for row in rows],
        "turn_ats": [turns.next(row.workspace_id, row.due_at, urgent=row.urgent) for row in rows],
    }
    made = session.connection().execute(INSERT, values).rowcount
    if made < len(rows):
        _check_channels(session, {row.channel_id for row in rows})
    return made


def _check_channels(session: Session, channel_ids: set[int]) -> None:
    """Raise ChannelGone if one was deleted since it was chosen: somebody else must be told."""
    there = select(func.count()).where(Channel.id.in_(channel_ids))
    if session.scalar(there) != len(channel_ids):
        raise ChannelGone("A channel was deleted meanwhile.")


class Turns:
    """Whose turn is when. The urgent ones of a workspace stand in a line of their own."""

    def __init__(self, session: Session, lines: set[tuple[int, bool]], now: datetime) -> None:
        asked = {
            "now": now,
            "ids": [workspace_id for workspace_id, _ in lines],
            "urgent": [urgent for _, urgent in lines],
        }
        self._ends: dict[tuple[int, bool], datetime] = {
            (row.id, row.urgent): row.turn_at
            for row in session.execute(ENDS, asked)
            if row.turn_at is not None
        }

    def next(self, workspace_id: int, due_at: datetime, *, urgent: bool) -> datetime:
        """Return the turn of the next alert of a workspace that is due then (UTC)."""
        line = workspace_id, urgent
        turn = due_at - HEAD_START if urgent else due_at
        end = self._ends.get(line)
        if end is not None and end + APART > turn:
            turn = end + APART
        self._ends[line] = turn
        return turn
