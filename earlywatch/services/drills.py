"""Fire drills: an alert to every channel that asks for an answer, and what came back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from earlywatch.channels.group import NAME as GROUP
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.drilling import due_since
from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import UNWATCHED
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel, Delivery, Drill, Monitor, Workspace
from earlywatch.services import messages, proving
from earlywatch.services.channel_hours import due_at
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken

BETWEEN = timedelta(minutes=10)
ANSWERED_WITHIN = timedelta(days=7)  # there has been a newer one since, or will be
WEEKLY = "the weekly drill"
SHOWN = 20
MINUTE = timedelta(minutes=1)
USABLE = (
    Channel.kind != GROUP,
    Channel.verified_at.is_not(None),
    Channel.broken_at.is_(None),
    Channel.unsubscribed_at.is_(None),
)


class TooSoon(EarlywatchError):
    """One was started a moment ago."""


class NobodyThere(EarlywatchError):
    """There is no channel that works."""


@dataclass(frozen=True)
class Past:
    """A drill and its alerts, with their channels, in the order of the channels' names."""

    drill: Drill
    deliveries: Sequence[Delivery]

    @property
    def answered(self) -> int:
        """How many were answered."""
        return sum(delivery.answered_at is not None for delivery in self.deliveries)


def start(session: Session, workspace: Workspace, by: str, now: datetime) -> Drill:
    """Queue an alert to every channel that works. Raises TooSoon and NobodyThere."""
    channels = _channels(session, workspace.id)
    Workspace.lock(session, workspace.id)
    last = session.scalar(
        select(func.max(Drill.started_at)).where(Drill.workspace_id == workspace.id)
    )
    if last is not None and now < last + BETWEEN:
        wait = rough_duration(-((now - last - BETWEEN) // MINUTE) * MINUTE)
        raise TooSoon(f"A fire drill was started a moment ago. Try again in {wait}.")
    if not channels:
        raise NobodyThere("No channel works, so nobody would get the drill.")
    return _start(session, workspace.id, by, [(channel, now) for channel in channels], now)


def start_weekly(session: Session, workspace_id: int, now: datetime) -> Drill | None:
    """Start the drill of the week if it is due at `now` (UTC) and was not held.

    Unlike one that somebody waits for, it respects quiet hours.
    """
    channels = _channels(session, workspace_id)
    workspace = Workspace.lock(session, workspace_id)
    since = due_since(now, workspace.time_zone)
    if not (workspace.drill_weekly and channels and since):
        return None
    if session.scalar(_since(since).where(Drill.workspace_id == workspace_id)) is not None:
        return None
    due = [(channel, due_at(channel, now, urgent=False)) for channel in channels]
    return _start(session, workspace_id, WEEKLY, due, now)


def weekly_due(session: Session, now: datetime) -> Sequence[int]:
    """Return the workspaces, by id, in which the drill of the week is due at `now` (UTC).

    What was held since Monday 9:00 decides, not when somebody looked last.
    """
    wanted = select(Workspace.time_zone).where(Workspace.drill_weekly).distinct()
    found: list[int] = []
    for zone in session.scalars(wanted).all():
        if since := due_since(now, zone):
            watched = select(Monitor.id).where(
                Monitor.workspace_id == Workspace.id, Monitor.status.not_in(UNWATCHED)
            )
            held = _since(since).where(Drill.workspace_id == Workspace.id)
            reached = select(Channel.id).where(Channel.workspace_id == Workspace.id, *USABLE)
            query = select(Workspace.id).where(
                Workspace.drill_weekly,
                Workspace.time_zone == zone,
                watched.exists(),
                reached.exists(),
                ~held.exists(),
            )
            found += session.scalars(query.order_by(Workspace.id))
    return found


def set_weekly(session: Session, workspace_id: int, *, weekly: bool) -> None:
    """Hold a drill every week, or none but those that somebody starts."""
    Workspace.lock(session, workspace_id).drill_weekly = weekly


def history(session: Session, workspace: Workspace) -> list[Past]:
    """Return the latest drills, newest first."""
    query = select(Drill).where(Drill.workspace_id == workspace.id)
    found = session.scalars(query.order_by(Drill.id.desc()).limit(SHOWN)).all()
    sent: dict[int | None, list[Delivery]] = defaultdict(list)
    for delivery in session.scalars(
        select(Delivery)
        .join(Delivery.channel)
        .options(joinedload(Delivery.channel))
        .where(Delivery.drill_id.in_([drill.id for drill in found]))
        .order_by(func.lower(Channel.name), Delivery.id)
    ):
        sent[delivery.drill_id].append(delivery)
    return [Past(drill, sent[drill.id]) for drill in found]


def read(session: Session, links: Links, token: str, now: datetime) -> Delivery:
    """Return the alert of a drill that a link was sent with; changes nothing.

    Raises InvalidToken if it is not ours, or if its channel was deleted, unsubscribed, broken or
    changed since: whoever holds it then may not be who is to be told now.
    """
    query = select(Delivery).options(joinedload(Delivery.channel))
    delivery = session.scalar(query.where(Delivery.id == links.read_drill(token)))
    if delivery is None or not delivery.channel.usable:
        raise InvalidToken("The channel of this drill does not work any more.")
    if not links.may_answer(token, delivery.channel):
        raise InvalidToken("The channel of this drill was changed since it was sent.")
    if delivery.answered_at is None and now > delivery.created_at + ANSWERED_WITHIN:
        days = ANSWERED_WITHIN.days
        raise InvalidToken(f"This drill is more than {days} days old. Answer the newest one.")
    return delivery


def answer(session: Session, links: Links, token: str, now: datetime) -> Delivery:
    """Remember that somebody read the alert of a drill; twice is harmless. Raises InvalidToken."""
    delivery = read(session, links, token, now)
    if delivery.answered_at is None:
        # The channel first, as whoever deletes one does.
        proving.prove(session, delivery.channel_id, now)
        delivery.answered_at = now
    return delivery


def _channels(session: Session, workspace_id: int) -> Sequence[Channel]:
    """Hold and return the channels that work; before the workspace, as whoever deletes one does."""
    ids = Channel.lock_all(session, workspace_id, *USABLE)
    query = select(Channel).where(Channel.id.in_(ids)).order_by(Channel.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _start(
    session: Session,
    workspace_id: int,
    by: str,
    due: Sequence[tuple[Channel, datetime]],
    now: datetime,
) -> Drill:
    drill = Drill(workspace_id=workspace_id, started_by=by, started_at=now)
    session.add(drill)
    session.flush()
    for channel, due_moment in due:
        messages.queue(session, channel, AlertKind.DRILL, now, due_at=due_moment, drill_id=drill.id)
    return drill


def _since(since: datetime) -> Select[int]:
    return select(Drill.id).where(Drill.started_at >= since)
