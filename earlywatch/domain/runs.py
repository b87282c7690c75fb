"""Runs of a job that have started and not ended, and how far they are. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

MOST_RUNS = 100  # a job that never ends its runs must not make its monitor grow for ever
FARTHEST = timedelta(days=365)  # a guess beyond it says nothing
NO_TIME = timedelta(0)


class Limits(Protocol):
    """How long a run may take, and how long the number that it tells may stand still."""

    @property
    def max_runtime(self) -> timedelta | None: ...

    @property
    def stall_after(self) -> timedelta | None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a job counts: `done` of `total`, which it may not know. Neither is negative."""

    done: float
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A start whose end has not come. All moments are UTC.

    `id` is the job's own, None where it gave none: then starts and ends pair among themselves.
    `moved_at` is when `progress` changed last, None while the job told no number. Its limits
    count from `judged_from` at the earliest: an edit that left them in the past moved them on.
    It counts up from `first_done`, told at `first_at`: a job may go on where another run stopped.
    `spared` is how long we could not hear meanwhile: its end may have been told and lost.
    """

    id: UUID | None
    started_at: datetime
    progress: Progress | None = None
    moved_at: datetime | None = None
    judged_from: datetime | None = None
    first_done: float | None = None
    first_at: datetime | None = None
    spared: timedelta = NO_TIME

    def told(self, progress: Progress | None, at: datetime) -> "Run":
        """Return the run after a ping at `at` (UTC); the same number again is no movement."""
        if progress is None:
            return self
        known, done = self.progress, progress.done
        now = Progress(done, progress.total or (known.total if known else None))
        if known is not None and known.done == done:
            return replace(self, progress=now)
        moved = replace(self, progress=now, moved_at=at)
        if known is None or done < known.done or self.first_at is None:
            return replace(moved, first_done=done, first_at=at)
        return moved

    def ends_by(self, limits: Limits) -> datetime | None:
        """Return when it has taken too long (UTC), None if that never happens."""
        return self._counted(self.started_at, limits.max_runtime)

    def moves_by(self, limits: Limits) -> datetime | None:
        """Return when it has stood still too long (UTC), None if that never happens."""
        return self._counted(self.moved_at, limits.stall_after)

    def limit(self, limits: Limits) -> datetime | None:
        """Return when waiting for it ends (UTC): the sooner of `ends_by` and `moves_by`."""
        ends_by, moves_by = self.ends_by(limits), self.moves_by(limits)
        if ends_by is None or moves_by is None:
            return ends_by or moves_by
        return min(ends_by, moves_by)

    def _counted(self, since: datetime | None, length: timedelta | None) -> datetime | None:
        if since is None or length is None:
            return None
        return max(since, self.judged_from or since) + length + self.spared

    def expected_end(self) -> datetime | None:
        """Return when it will be done (UTC) if it goes on as fast as so far; None if unknown.

        One number tells no speed. What would take longer than FARTHEST from its last movement
        counts as unknown.
        """
        progress, moved_at = self.progress, self.moved_at
        first_done, first_at = self.first_done, self.first_at
        if progress is None or moved_at is None or first_done is None or first_at is None:
            return None
        counted, so_far = progress.done - first_done, moved_at - first_at
        if not progress.total or counted <= 0 or so_far <= timedelta(0):
            return None
        left = max(0.0, progress.total - progress.done)
        if left / counted > FARTHEST / so_far:
            return None
        return moved_at + so_far * (left / counted)


def find(runs: tuple[Run, ...], run_id: UUID | None) -> Run | None:
    """Return the open run with this id, or without one."""
    return next((run for run in runs if run.id == run_id), None)


def begin(
    runs: tuple[Run, ...], run_id: UUID | None, at: datetime, progress: Progress | None
) -> tuple[Run, ...]:
    """Add a run that starts at `at` (UTC), in place of one with its id; the oldest may go."""
    others = tuple(run for run in runs if run.id != run_id)
    return (*others, Run(run_id, at).told(progress, at))[-MOST_RUNS:]


def end(runs: tuple[Run, ...], run_id: UUID | None) -> tuple[Run, ...]:
    """Return the runs that an end leaves open.

    An end without an id where every run has one does not say which: then it ends all.
    """
    if run_id is None and find(runs, None) is None:
        return ()
    return tuple(run for run in runs if run.id != run_id)


def advance(
    runs: tuple[Run, ...], run_id: UUID | None, at: datetime, progress: Progress | None
) -> tuple[Run, ...]:
    """Note what was told at `at` (UTC) of the run with this id; without one, of the only run."""
    if progress is None or not runs:
        return runs
    told = find(runs, run_id)
    if told is None and run_id is None and len(runs) == 1:
        told = runs[0]
    return tuple(run.told(progress, at) if run is told else run for run in runs)


def first_limit(runs: tuple[Run, ...], limits: Limits, deadline: datetime) -> datetime:
    """Return `deadline`, or the limit of a run if one is over sooner (UTC)."""
    if not runs:
        return deadline
    moments = [run.limit(limits) for run in runs]
    return min([deadline, *(moment for moment in moments if moment is not None)])


def drop_over(runs: tuple[Run, ...], limits: Limits, at: datetime) -> tuple[Run, ...]:
    """Return the runs whose limit is not over at `at` (UTC)."""
    return tuple(run for run in runs if not _over(run, limits, at))


def move_limits(runs: tuple[Run, ...], limits: Limits, at: datetime) -> tuple[Run, ...]:
    """Return the runs as new `limits` judge them: what is over at `at` (UTC) counts from there."""
    fresh = [replace(run, judged_from=None) for run in runs]
    return tuple(replace(run, judged_from=at) if _over(run, limits, at) else run for run in fresh)


def _over(run: Run, limits: Limits, at: datetime) -> bool:
    limit = run.limit(limits)
    return limit is not None and limit <= at


def read_runs(stored: Iterable[Mapping[str, Any]] | None) -> tuple[Run, ...]:
    """Return runs out of what `write_runs` made."""
    return tuple(_read(each) for each in stored) if stored else ()


def write_runs(runs: Iterable[Run]) -> list[dict[str, Any]] | None:
    """Return runs as what JSON can hold, None if there are none."""
    return [_write(run) for run in runs] or None


def _read(stored: Mapping[str, Any]) -> Run:
    done, run_id = stored.get("done"), stored.get("id")
    return Run(
        id=UUID(run_id) if run_id else None,
        started_at=datetime.fromisoformat(stored["started_at"]),
        progress=None if done is None else Progress(done, stored.get("total")),
        moved_at=_moment(stored.get("moved_at")),
        judged_from=_moment(stored.get("judged_from")),
        first_done=stored.get("first_done"),
        first_at=_moment(stored.get("first_at")),
        spared=timedelta(seconds=stored.get("spared", 0)),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _write(run: Run) -> dict[str, Any]:
    stored: dict[str, Any] = {"started_at": run.started_at.isoformat()}
    if run.id is not None:
        stored["id"] = str(run.id)
    if run.progress is not None and run.moved_at is not None:
        stored["done"], stored["moved_at"] = run.progress.done, run.moved_at.isoformat()
        if run.progress.total is not None:
            stored["total"] = run.progress.total
    if run.first_done is not None and run.first_at is not None:
        stored["first_done"], stored["first_at"] = run.first_done, run.first_at.isoformat()
    if run.judged_from is not None:
        stored["judged_from"] = run.judged_from.isoformat()
    if run.spared:
        stored["spared"] = run.spared.total_seconds()
    return stored
