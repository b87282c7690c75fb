"""The list of monitors: filtered, trouble first, page by page, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from earlywatch.domain.monitor import Cause, PingKind, Status
from earlywatch.domain.shown import shown_status
from earlywatch.models import Incident, Monitor, Ping, Workspace
from earlywatch.models.incident import Held

PER_PAGE = 100
RUNS_SHOWN = 30
# A run may come with a start and a few logs; looking further back could take for ever.
PINGS_READ = 90
TROUBLE = (Status.LATE, Status.FAILED)


class Outcome(StrEnum):
    """How a run went, as the strip of the last runs shows it."""

    SUCCESS = "success"
    FAILED = "failed"
    MISSED = "missed"
    RUNNING = "running"


class Run(NamedTuple):
    """One run: when it ended or did not come (UTC), how, and how long it took if we know."""

    at: datetime
    outcome: Outcome
    duration: timedelta | None = None


@dataclass(frozen=True)
class Wanted:
    """What the list is narrowed to; empty texts narrow nothing. Pages count from 1."""

    words: str = ""
    tag: str = ""
    status: str = ""
    page: int = 1


@dataclass(frozen=True)
class Row:
    """One line of the list. `incident` is the trouble that lasts."""

    monitor: Monitor
    status: Status
    incident: Incident | None
    runs: Sequence[Run]

    @property
    def since(self) -> datetime | None:
        """When its trouble opened (UTC)."""
        return self.incident.opened_at if self.incident else None


@dataclass(frozen=True)
class Counts:
    """How many monitors of a workspace are in each shown status."""

    by_status: dict[Status, int]

    def of(self, *statuses: Status) -> int:
        """Return how many are in any of `statuses`; in any at all when none is given."""
        return sum(self.by_status.get(status, 0) for status in statuses or Status)

    @property
    def trouble(self) -> int:
        """How many are late or failed, and not only because another one is."""
        return self.of(*TROUBLE)


@dataclass(frozen=True)
class Listing:
    """One page of the list; `found` counts what fits on all its pages."""

    rows: list[Row]
    found: int
    page: int

    @property
    def first(self) -> int:
        """The place of the first row in the whole list, counted from 1."""
        return (self.page - 1) * PER_PAGE + 1

    @property
    def more_pages(self) -> bool:
        """Whether there is more than this page."""
        return len(self.rows) < self.found

    @property
    def last(self) -> int:
        """The place of the last row in the whole list."""
        return self.first + len(self.rows) - 1


def count_monitors(
    session: Session, workspace: Workspace, now: datetime, deaf_since: datetime | None = None
) -> Counts:
    """Count the monitors of a workspace by the status shown at `now` (UTC)."""
    shown = case(
        (_is_blocked(), Status.BLOCKED.value),
        (_is_in_doubt(now, deaf_since), Status.UNKNOWN.value),
        (_is_due(now), Status.DUE.value),
        else_=Monitor.status,
    )
    query = select(shown, func.count()).where(Monitor.workspace_id == workspace.id).group_by(shown)
    return Counts({Status(status): count for status, count in session.execute(query)})


def list_monitors(
    session: Session,
    workspace: Workspace,
    wanted: Wanted,
    now: datetime,
    deaf_since: datetime | None = None,
) -> Listing:
    """Return one page: trouble first, then what is blocked, what is due, and the rest by name.

    A page beyond the last one is the last one.
    """
    fits = and_(Monitor.workspace_id == workspace.id, *_filters(wanted, now, deaf_since))
    found = session.scalar(select(func.count()).select_from(Monitor).where(fits)) or 0
    page = max(1, min(wanted.page, -(-found // PER_PAGE)))
    urgency = case((_is_blocked(), 1), (Monitor.status.in_(TROUBLE), 0), (_is_due(now), 2), else_=3)
    query = (
        select(Monitor, Incident)
        .outerjoin(
            Incident, and_(Incident.monitor_id == Monitor.id, Incident.resolved_at.is_(None))
        )
        .where(fits)
        .order_by(urgency, func.lower(Monitor.name), Monitor.id)
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    )
    listed = session.execute(query).all()
    runs = recent_runs(session, [monitor.id for monitor, _ in listed])
    rows = [
        Row(
            monitor,
            status_of(monitor, incident, now, deaf_since),
            incident,
            runs.get(monitor.id, ()),
        )
        for monitor, incident in listed
    ]
    return Listing(rows, found, page)


def status_of(
    monitor: Monitor, incident: Incident | None, now: datetime, deaf_since: datetime | None = None
) -> Status:
    """Return the status to show of a monitor with this open incident, see `shown_status`."""
    if incident is not None and incident.held == Held.BLOCKED:
        return Status.BLOCKED
    return shown_status(monitor.state, now, deaf_since)


def list_tags(session: Session, workspace: Workspace) -> list[str]:
    """Return every tag in use, sorted."""
    tags = (
        select(func.unnest(Monitor.tags).label("tag"))
        .where(Monitor.workspace_id == workspace.id, func.cardinality(Monitor.tags) > 0)
        .subquery()
    )
    return list(session.scalars(select(tags.c.tag).distinct().order_by(tags.c.tag)))


def recent_runs(session: Session, monitor_ids: Sequence[int]) -> dict[int, list[Run]]:
    """Return the last runs of each monitor, oldest first, those that never came included."""
    runs: dict[int, list[Run]] = defaultdict(list)
    if not monitor_ids:
        return runs
    monitors = select(func.unnest(list(monitor_ids)).label("id")).subquery("monitors")
    for monitor_id, at, kind, duration in session.execute(_ended_runs(monitors)):
        outcome = Outcome.FAILED if kind == PingKind.FAIL else Outcome.SUCCESS
        runs[monitor_id].append(Run(at, outcome, duration))
    for monitor_id, at in session.execute(_missed_runs(monitors)):
        runs[monitor_id].append(Run(at, Outcome.MISSED))
    for found in runs.values():
        found.sort(key=lambda run: run.at)
        del found[:-RUNS_SHOWN]
    return runs


def _ended_runs(monitors: Subquery) -> Select[int, datetime, str, timedelta | None]:
    latest = (
        select(Ping.id, Ping.received_at, Ping.kind, Ping.duration)
        .where(Ping.monitor_id == monitors.c.id)
        .correlate(monitors)
        .order_by(Ping.id.desc())
        .limit(PINGS_READ)
        .subquery("latest")
    )
    ended = (
        select(latest.c.received_at, latest.c.kind, latest.c.duration)
        .where(latest.c.kind.in_([PingKind.SUCCESS, PingKind.FAIL]))
        .order_by(latest.c.id.desc())
        .limit(RUNS_SHOWN)
        .lateral("ended")
    )
    return select(monitors.c.id, ended.c.received_at, ended.c.kind, ended.c.duration).join(
        ended, true()
    )


def _missed_runs(monitors: Subquery) -> Select[int, datetime]:
    latest = (
        select(Incident.opened_at)
        .where(
            Incident.monitor_id == monitors.c.id,
            Incident.cause.in_([Cause.MISSED, Cause.OVERRAN]),
        )
        .order_by(Incident.opened_at.desc())
        .limit(RUNS_SHOWN)
        .lateral("incident")
    )
    return select(monitors.c.id, latest.c.opened_at).join(latest, true())


def _is_blocked() -> ColumnElement[bool]:
    """The condition under which `status_of` says so."""
    trouble = aliased(Incident)
    held = select(trouble.id).where(
        trouble.monitor_id == Monitor.id,
        trouble.resolved_at.is_(None),
        trouble.held == Held.BLOCKED,
    )
    return and_(Monitor.status.in_(TROUBLE), held.correlate(Monitor).exists())


def _is_due(now: datetime) -> ColumnElement[bool]:
    """The condition under which `shown_status` turns up into due."""
    return and_(Monitor.status == Status.UP, Monitor.expected_at <= now)


def _is_in_doubt(now: datetime, deaf_since: datetime | None) -> ColumnElement[bool]:
    """The condition of `domain.shown.is_in_doubt`; none is, where we can hear."""
    if deaf_since is None:
        return false()
    waited_for = func.least(Monitor.expected_at, Monitor.deadline_at) <= now
    return and_(Monitor.deadline_at > deaf_since, waited_for)


def _filters(
    wanted: Wanted, now: datetime, deaf_since: datetime | None
) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    for word in wanted.words.split():
        in_tags = func.array_to_string(Monitor.tags, " ").icontains(word, autoescape=True)
        filters.append(or_(Monitor.name.icontains(word, autoescape=True), in_tags))
    if wanted.tag:
        filters.append(Monitor.tags.contains([wanted.tag]))
    if wanted.status:
        filters.append(_has_status(wanted.status, now, deaf_since))
    return filters


def _has_status(status: str, now: datetime, deaf_since: datetime | None) -> ColumnElement[bool]:
    in_doubt = _is_in_doubt(now, deaf_since)
    if status == "trouble":
        return and_(Monitor.status.in_(TROUBLE), not_(_is_blocked()))
    if status == Status.BLOCKED:
        return _is_blocked()
    if status == Status.UNKNOWN:
        return in_doubt
    if status == Status.DUE:
        return and_(_is_due(now), not_(in_doubt))
    if status == Status.UP:
        return and_(Monitor.status == Status.UP, not_(_is_due(now)), not_(in_doubt))
    return and_(Monitor.status == status, not_(_is_blocked()))
