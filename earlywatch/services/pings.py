"""Pings: many at once, each stored and applied to its monitor in one transaction."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import (
    IN_TROUBLE,
    LONGEST_RUNTIME,
    UNWATCHED,
    Change,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_ping,
    on_resume,
    on_unjudged_ping,
)
from earlywatch.models import Monitor
from earlywatch.services import hearing, incidents, ping_rows, ping_sources
from earlywatch.services.hearing import Silence
from earlywatch.services.incoming import IncomingPing, NotCreated, Outcome
from earlywatch.services.ping_names import MOST_COSTLY, Found, Locked, Postponed, find, has_room
from earlywatch.services.ping_rows import Row, Watched
from earlywatch.services.reading import Reading, keep, read

logger = logging.getLogger(__name__)

UNASKED = Silence(hearing.LATER)
ENDS = (PingKind.SUCCESS, PingKind.FAIL)  # of a run, or of a pause that is not sticky


def record(
    session: Session, pings: Sequence[IncomingPing], now: datetime
) -> list[Outcome | NotCreated]:
    """Store pings and update their monitors, in the order given. Return one outcome for each.

    A deadline that passed unnoticed is settled first: what happened must not depend on when the
    detector last ran. Once a ping is LOCKED or POSTPONED, so are the later ones of its monitor.
    `now` (UTC) is when incidents are noticed and told of. After the commit,
    `ping_sources.remember` saves the next batches a statement.
    """
    found = find(session, pings, now)
    batch = Batch(session, found, now)
    outcomes = [batch.add(ping) for ping in pings]
    batch.write()
    return outcomes


class Batch:
    """What has been made of the pings so far."""

    def __init__(self, session: Session, found: Found, now: datetime) -> None:
        self._session = session
        self._found = found
        self._now = now
        self._rows: list[Row] = []
        self._heard: list[Watched] = []
        self._refused: dict[int, IncomingPing] = {}  # the last one of a monitor
        self._changed: set[int] = set()  # workspaces
        self._silence: Silence | None = UNASKED
        self._patient = True
        self._costly = 0

    def add(self, ping: IncomingPing) -> Outcome | NotCreated:
        """Apply the next ping to its monitor, unless an earlier one could not be."""
        monitor = self._found.monitors.get(ping.name)
        if monitor is None or not self._found.still_open(ping):
            return self._found.refusal(ping)
        if monitor.stuck:
            return monitor.stuck
        reading = read(ping, monitor.intake)
        if reading.outcome is Outcome.WRONG_NETWORK:
            self._refused[monitor.id] = ping
            return reading.outcome
        put_off = self._put_off(monitor, ping)
        before = monitor.state
        try:
            if reading.kind is not PingKind.IGNORED:
                self._apply(monitor, reading.kind, ping)
        except Locked as locked:
            monitor.state, monitor.stuck = before, locked.outcome
            return locked.outcome
        finally:
            if monitor.state.deadline_at is hearing.LATER:
                monitor.state = replace(monitor.state, deadline_at=put_off)
        self._keep(monitor, before, reading, ping)
        return reading.outcome or self._outcome(monitor, ping)

    def write(self) -> None:
        """Write the pings and what has become of their monitors; let open pages know."""
        connection = ping_rows.connection_of(self._session)
        if self._rows:
            new = ping_sources.find_new(self._session, self._rows)
            ping_rows.store(connection, self._rows, new)
        if self._heard:
            ping_rows.update(connection, self._heard)
        if self._refused:
            refused = self._refused.items()
            about = [(id_, ping.received_at, ping.remote_address) for id_, ping in refused]
            ping_rows.refuse(connection, about)
        for workspace_id in self._changed:
            incidents.notify(self._session, workspace_id)

    def _apply(self, monitor: Watched, kind: PingKind, ping: IncomingPing) -> None:
        """Let the monitor hear a ping. Raises Locked."""
        before = monitor.state
        paused = before.status is Status.PAUSED
        resumes = paused and not monitor.intake.sticky_pause and kind in ENDS
        if resumes:
            self._spend()
            self._resume(monitor, ping.received_at)
        changes = _changes(monitor, kind, ping)
        # A success on a monitor that is up, the usual ping, needs no incident and no row object.
        for change in changes:
            if change.opens or (change.resolves and before.status in IN_TROUBLE):
                if not resumes:
                    self._spend()
                self._tell(monitor, changes, ping.exit_status)
                break
        monitor.state = after = changes[-1].state
        self._hear(monitor)
        # An open page must hear of this at once; it looks for new pings by itself.
        if (
            before.status is not after.status
            or before.running is not after.running
            or before.recovering != after.recovering
        ):
            self._changed.add(monitor.workspace_id)

    def _put_off(self, monitor: Watched, ping: IncomingPing) -> datetime | None:
        """Let a deadline that passed while we could not hear be later.

        Where nobody knows yet how much later, return what it was: it must be so again.
        """
        before, deadline = monitor.state, monitor.state.deadline_at
        if deadline is None or deadline > ping.received_at:
            return None
        if self._silence is UNASKED:
            self._silence = hearing.silence(self._session, self._now)
        about = monitor.id, before, monitor.rules
        monitor.state = hearing.spare(self._session, *about, self._silence)
        if monitor.state.deadline_at is hearing.LATER:
            return deadline
        if monitor.state is not before:
            self._hear(monitor)
        return None

    def _spend(self) -> None:
        """Count a costly ping. Raises Postponed."""
        if self._costly >= MOST_COSTLY:
            raise Postponed
        self._costly += 1

    def _hear(self, monitor: Watched) -> None:
        if not monitor.heard:
            monitor.heard = True
            self._heard.append(monitor)

    def _resume(self, monitor: Watched, at: datetime) -> None:
        """End a pause that lasts until the next ping, if the plan has room. Raises Locked."""
        rules = monitor.rules
        if isinstance(rules, Rules) and has_room(self._session, monitor.workspace_id):
            monitor.state = on_resume(monitor.state, rules, at)[-1].state
            self._hear(monitor)
            # At once: for the next one of this batch, the place is taken.
            ping_rows.update(ping_rows.connection_of(self._session), [monitor])

    def _tell(self, monitor: Watched, changes: Sequence[Change], exit_status: int | None) -> None:
        if not self._patient:
            raise Locked
        try:
            with self._session.begin_nested():
                row = self._session.get_one(Monitor, monitor.id)
                row.state = monitor.state
                incidents.apply(self._session, row, changes, self._now, exit_status)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            # It was waited for once; for every incident of the batch, that could take minutes.
            self._patient = False
            logger.warning("incident waits for a lock", extra={"monitor_id": monitor.id})
            raise Locked from error

    def _keep(
        self, monitor: Watched, before: MonitorState, reading: Reading, ping: IncomingPing
    ) -> None:
        kept, progress, metrics = keep(ping, monitor.intake), ping.progress, ping.metrics
        self._rows.append(
            (
                monitor.id,
                ping.received_at,
                reading.kind.value,
                reading.reason,
                ping.exit_status,
                ping.run_id,
                _duration(before, reading.kind, ping),
                progress and progress.done,
                progress and progress.total,
                json.dumps(metrics) if metrics else None,
                kept.message,
                kept.body,
                kept.body_cut,
                kept.masked,
                ping.method,
                ping.scheme,
                ping.remote_address,
                ping.user_agent,
                self._found.is_old(ping.name),
            )
        )

    def _outcome(self, monitor: Watched, ping: IncomingPing) -> Outcome:
        if self._found.made_by(ping):
            return Outcome.CREATED
        return Outcome.UNWATCHED if monitor.state.status in UNWATCHED else Outcome.RECORDED


def _changes(monitor: Watched, kind: PingKind, ping: IncomingPing) -> list[Change]:
    """Return what a ping changes. Rules that cannot be kept must cost no ping, not even its own."""
    about, rules = (kind, ping.received_at, ping.run_id, ping.progress), monitor.rules
    if isinstance(rules, Rules):
        try:
            return on_ping(monitor.state, rules, *about)
        except Exception:  # as above
            logger.exception("schedule cannot be kept", extra={"monitor_id": monitor.id})
    else:
        fields = {"monitor_id": monitor.id, "reason": rules}
        logger.error("schedule cannot be read", extra=fields)
    return on_unjudged_ping(monitor.state, monitor.grace, *about)


def _duration(before: MonitorState, kind: PingKind, ping: IncomingPing) -> timedelta | None:
    """Return how long a run took that ends here: as we saw it, else as the job says."""
    if kind not in ENDS:
        return None
    for run in before.runs:
        if run.id == ping.run_id:
            return max(ping.received_at - run.started_at, timedelta(0))
    told = ping.metrics.get("duration") if ping.metrics else None
    if told is None or not 0 <= told <= LONGEST_RUNTIME.total_seconds():
        return None
    return timedelta(seconds=told)
