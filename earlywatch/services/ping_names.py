"""Which monitors the names of pings stand for: found, locked, or made on the spot."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Rules
from earlywatch.errors import EarlywatchError
from earlywatch.models import Workspace
from earlywatch.services.incoming import ByName, IncomingPing, Name, NotCreated, Outcome, Wish
from earlywatch.services.limits import LimitReached, check_monitor_room
from earlywatch.services.monitors import MonitorValues, create_monitor
from earlywatch.services.ping_rows import Connection, Watched, connection_of, lock
from earlywatch.services.slugs import SlugTaken

logger = logging.getLogger(__name__)

# Two monitors are enough to be ambiguous. Without the limit, the planner would rather read all
# of a workspace than look a name up by its index.
NAMED = """
    SELECT asked.key, asked.slug, workspace.id, workspace.ping_key = asked.key,
        workspace.old_key_until, workspace.create_by_ping, named.ping_key
    FROM unnest(CAST(%s AS text[]), CAST(%s AS text[])) AS asked (key, slug)
    JOIN workspace ON workspace.ping_key = asked.key OR workspace.old_ping_key = asked.key
    LEFT JOIN LATERAL (
        SELECT ping_key FROM monitor
        WHERE workspace_id = workspace.id AND slug = asked.slug LIMIT 2
    ) AS named ON true
"""
LEFT_OVER = """
    SELECT ping_key, old_ping_key, old_key_until FROM monitor
    WHERE ping_key = ANY(%(keys)s) OR old_ping_key = ANY(%(keys)s)
"""
# Pings of a batch that may make a monitor, and as many that may open or resolve an incident or end
# a pause: each takes a dozen statements, and all pings of a batch wait for its commit.
MOST_COSTLY = 50
SWITCHED_OFF = "No monitor has this name, and in this workspace pings make none."


class Locked(Exception):
    """Somebody else holds what a ping needs, such as a channel that is being deleted."""

    outcome = Outcome.LOCKED


class Postponed(Locked):
    """The batch has had as many costly pings as it may."""

    outcome = Outcome.POSTPONED


@dataclass(slots=True)
class Found:
    """What the names of a batch stand for.

    `monitors` are locked. `refusals` say what is wrong with other names; of those in neither,
    nobody has heard. `old_until` is when an old key ends (UTC), None: it has ended. `makers` are
    the pings that made a monitor.
    """

    monitors: dict[Name, Watched] = field(default_factory=dict)
    refusals: dict[Name, Outcome | NotCreated] = field(default_factory=dict)
    old_until: dict[Name, datetime | None] = field(default_factory=dict)
    makers: dict[Name, IncomingPing] = field(default_factory=dict)

    def still_open(self, ping: IncomingPing) -> bool:
        """Whether the key was good when the ping came; one that is not old is."""
        if not self.is_old(ping.name):
            return True
        until = self.old_until[ping.name]
        return until is not None and ping.received_at < until

    def is_old(self, name: Name) -> bool:
        """Whether a name uses a key that was replaced."""
        return bool(self.old_until) and name in self.old_until

    def made_by(self, ping: IncomingPing) -> bool:
        """Whether the monitor was made because of this ping."""
        return bool(self.makers) and self.makers.get(ping.name) is ping

    def refusal(self, ping: IncomingPing) -> Outcome | NotCreated:
        """Return why a ping has no monitor."""
        refusal = self.refusals.get(ping.name, Outcome.UNKNOWN)
        unasked = isinstance(refusal, NotCreated) and ping.wish is None
        return Outcome.UNKNOWN if unasked or not self.still_open(ping) else refusal


def find(session: Session, pings: Sequence[IncomingPing], now: datetime) -> Found:
    """Lock the monitors that pings name; make those that are wished for and not there."""
    found, connection = Found(), connection_of(session)
    names = {ping.name for ping in pings}
    keys = {name for name in names if isinstance(name, UUID)}
    named = _Named(session, found, now)
    if len(keys) < len(names):
        named.find(connection, [name for name in names if isinstance(name, ByName)])
        named.make_missing(pings)
        keys |= set(named.keys.values())
    found.monitors |= lock(connection, keys)
    if len(found.monitors) < len(keys):
        _find_left_over(connection, found, keys - found.monitors.keys())
    for name, key in named.keys.items():
        _link(found, name, key)
    return found


def lock_workspace(session: Session, workspace_id: int) -> Workspace:
    """Lock a workspace if nobody else does; else raise Locked.

    Whoever holds it may wait for monitors of this batch: waiting for each other helps nobody.
    """
    query = select(Workspace).where(Workspace.id == workspace_id)
    free = query.with_for_update(key_share=True, skip_locked=True)
    workspace = session.scalar(free.execution_options(populate_existing=True))
    if workspace is None:
        raise Locked
    return workspace


def has_room(session: Session, workspace_id: int) -> bool:
    """Whether the plan allows one more monitor to be watched. Raises Locked."""
    try:
        check_monitor_room(session, lock_workspace(session, workspace_id))
    except LimitReached:
        return False
    return True


class _Named:
    """The monitors that are named by slug, as the ping keys of those that are there."""

    def __init__(self, session: Session, found: Found, now: datetime) -> None:
        self.keys: dict[ByName, UUID] = {}
        self._missing: dict[ByName, tuple[int, bool]] = {}  # workspace, whether it lets make them
        self._session = session
        self._found = found
        self._now = now
        self._tried = 0  # to make a monitor

    def find(self, connection: Connection, names: Sequence[ByName]) -> None:
        several: set[ByName] = set()
        asked = [name.ping_key for name in names], [name.slug for name in names]
        for row in connection.execute(NAMED, asked):
            ping_key, slug, workspace_id, current, until, makes, key = row
            name = ByName(ping_key, slug)
            if not current:
                self._found.old_until[name] = until
            if key is None:
                self._missing[name] = (workspace_id, makes)
            elif name in self.keys:
                several.add(name)
            else:
                self.keys[name] = key
        for name in several:
            del self.keys[name]
            self._found.refusals[name] = Outcome.AMBIGUOUS

    def make_missing(self, pings: Sequence[IncomingPing]) -> None:
        """Make the monitors that are wished for. Workspaces are locked before any monitor."""
        for ping in pings if self._missing else ():
            name = ping.name
            if isinstance(name, UUID) or name not in self._missing:
                continue
            if ping.wish and not ping.preview and self._found.still_open(ping):
                workspace_id, makes = self._missing.pop(name)
                if makes:
                    self._make(workspace_id, name, ping, ping.wish)
                else:
                    self._found.refusals[name] = NotCreated(SWITCHED_OFF)

    def _make(self, workspace_id: int, name: ByName, ping: IncomingPing, wish: Wish) -> None:
        if self._tried >= MOST_COSTLY:
            self._found.refusals[name] = Outcome.POSTPONED
            return
        self._tried += 1
        try:
            with self._session.begin_nested():
                workspace = lock_workspace(self._session, workspace_id)
                rules = Rules(wish.schedule, wish.grace)
                values = MonitorValues(name.slug, rules, wish.time_zone, slug=name.slug)
                monitor = create_monitor(self._session, workspace, values, self._now)
        except (Locked, SlugTaken):  # by somebody else just now: it will be found in a moment
            self._found.refusals[name] = Outcome.LOCKED
        except EarlywatchError as error:
            self._found.refusals[name] = NotCreated(str(error))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            self._found.refusals[name] = Outcome.LOCKED
        else:
            self.keys[name] = monitor.ping_key
            self._found.makers[name] = ping


def _find_left_over(connection: Connection, found: Found, missing: Collection[UUID]) -> None:
    """Find out which keys are old ones, and which belong to monitors that somebody else holds."""
    replaced: dict[UUID, UUID] = {}
    for key, old_key, until in connection.execute(LEFT_OVER, {"keys": list(missing)}):
        if key in missing:
            found.refusals[key] = Outcome.LOCKED
        if old_key in missing:
            replaced[old_key] = key
            found.old_until[old_key] = until
    if further := set(replaced.values()) - found.monitors.keys() - found.refusals.keys():
        found.monitors |= lock(connection, further)
    for old_key, key in replaced.items():
        _link(found, old_key, key)


def _link(found: Found, name: Name, key: UUID) -> None:
    """Let another name stand for the monitor with this key, unless somebody else holds it."""
    if key in found.monitors:
        found.monitors[name] = found.monitors[key]
    else:
        found.refusals[name] = Outcome.LOCKED
