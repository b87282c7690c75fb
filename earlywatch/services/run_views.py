"""What a job is doing now, what it counted, and where its pings come from, for people to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind, Status
from earlywatch.domain.runs import Run
from earlywatch.models import Monitor, Ping, PingSource

RUNS_SHOWN = 20
LOOKED_THROUGH = 1_000  # pings: a job that works may log often, and end with its numbers
PINGS_READ = 30
NUMBERS_SHOWN = 30
LATELY = timedelta(days=7)
JUDGED = (Status.NEW, Status.UP, Status.LATE)  # else no limit is in force


class OpenRun(NamedTuple):
    """A run that has started and not ended, with its limits (UTC) where there are any.

    `moves_by` is when it stands still for too long, if its number has not changed by then.
    """

    run: Run
    ends_by: datetime | None = None
    moves_by: datetime | None = None

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1, if the job told what the whole is."""
        progress = self.run.progress
        if progress is None or not progress.total:
            return None
        return min(1.0, progress.done / progress.total)


@dataclass(frozen=True)
class Number:
    """The newest value of something a job counts, and the ping (UTC) that told it."""

    name: str
    value: float
    at: datetime
    ping_id: int


def open_runs(monitor: Monitor) -> list[OpenRun]:
    """Return the runs of a monitor that have not ended, the oldest first, at most RUNS_SHOWN."""
    shown = monitor.runs[:RUNS_SHOWN]
    if Status(monitor.status) not in JUDGED:
        return [OpenRun(run) for run in shown]
    return [OpenRun(run, run.ends_by(monitor), run.moves_by(monitor)) for run in shown]


def latest_numbers(session: Session, monitor: Monitor) -> list[Number]:
    """Return the newest value of each metric, by name.

    Reads the last PINGS_READ pings with metrics, if they are among the last LOOKED_THROUGH.
    """
    latest = (
        select(Ping.id, Ping.received_at, Ping.kind, Ping.metrics)
        .where(Ping.monitor_id == monitor.id)
        .order_by(Ping.id.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    query = (
        select(latest.c.id, latest.c.received_at, latest.c.metrics)
        .where(latest.c.metrics.is_not(None), latest.c.kind != PingKind.IGNORED)
        .order_by(latest.c.id.desc())
        .limit(PINGS_READ)
    )
    found: dict[str, Number] = {}
    for ping_id, at, metrics in session.execute(query):
        for name, value in metrics.items():
            found.setdefault(name, Number(name, value, at, ping_id))
    newest = list(found.values())[:NUMBERS_SHOWN]
    return sorted(newest, key=lambda number: number.name)


def new_source(session: Session, monitor: Monitor, now: datetime) -> PingSource | None:
    """Return the newest address and agent of the pings, if others came before and it is recent.

    Recent: first seen less than LATELY before `now` (UTC).
    """
    query = (
        select(PingSource)
        .where(PingSource.monitor_id == monitor.id)
        .order_by(PingSource.first_seen_at.desc())
        .limit(2)
    )
    sources: Sequence[PingSource] = session.scalars(query).all()
    if len(sources) < 2 or sources[0].first_seen_at <= now - LATELY:
        return None
    return sources[0]


def was_refused(monitor: Monitor, now: datetime) -> bool:
    """Tell whether a ping from a network that is not allowed came less than LATELY before `now`."""
    return monitor.refused_at is not None and monitor.refused_at > now - LATELY
