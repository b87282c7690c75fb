"""Pings of a monitor whose schedule cannot be read. A grace of a minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from earlywatch.domain.monitor import (
    UNWATCHED,
    Cause,
    MonitorState,
    PingKind,
    Status,
    on_unjudged_ping,
)
from earlywatch.domain.runs import Progress, Run

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
RUN, OTHER_RUN = UUID(int=1), UUID(int=2)
RUNNING = replace(UP, runs=(Run(RUN, NOON),))
LATE = replace(UP, status=Status.LATE, deadline_at=None)


@pytest.mark.parametrize("kind", [PingKind.SUCCESS, PingKind.START, PingKind.LOG])
@pytest.mark.parametrize("state", [MonitorState(), UP, LATE, replace(LATE, status=Status.PAUSED)])
def test_a_ping_moves_nothing_but_the_time_of_the_last_one(
    state: MonitorState, kind: PingKind
) -> None:
    [change] = on_unjudged_ping(state, MINUTE, kind, NOON + MINUTE)

    assert change.state == replace(state, last_ping_at=NOON + MINUTE)
    assert (change.opens, change.resolves) == (None, False)


def test_a_failure_opens_an_incident() -> None:
    [change] = on_unjudged_ping(UP, MINUTE, PingKind.FAIL, NOON + MINUTE)

    assert (change.state.status, change.opens) == (Status.FAILED, Cause.FAILED)


def test_a_deadline_nobody_noticed_is_settled_first() -> None:
    missed, failed = on_unjudged_ping(UP, MINUTE, PingKind.FAIL, NOON + 2 * HOUR)

    assert (missed.opens, missed.at) == (Cause.MISSED, NOON + HOUR + MINUTE)
    assert (failed.opens, failed.at) == (Cause.FAILED, NOON + 2 * HOUR)


@pytest.mark.parametrize("status", UNWATCHED)
def test_a_paused_or_frozen_monitor_stays_so_whatever_comes(status: Status) -> None:
    stopped = MonitorState(status, NOON)

    [change] = on_unjudged_ping(stopped, MINUTE, PingKind.FAIL, NOON + MINUTE)

    assert (change.state.status, change.opens) == (status, None)


@pytest.mark.parametrize(("run_id", "ended"), [(None, True), (RUN, True), (OTHER_RUN, False)])
def test_a_success_ends_its_run(run_id: UUID | None, ended: bool) -> None:
    [change] = on_unjudged_ping(RUNNING, MINUTE, PingKind.SUCCESS, NOON + MINUTE, run_id)

    assert change.state.running is not ended
    assert change.state.deadline_at == UP.deadline_at


def test_a_log_tells_how_far_the_run_is_and_leaves_the_deadline() -> None:
    told = Progress(3, 10)

    [change] = on_unjudged_ping(RUNNING, MINUTE, PingKind.LOG, NOON + MINUTE, RUN, told)

    [run] = change.state.runs
    assert (run.id, run.progress, run.moved_at) == (RUN, told, NOON + MINUTE)
    assert change.state.deadline_at == UP.deadline_at


def test_a_failure_ends_its_run_and_no_other() -> None:
    two = replace(UP, runs=(Run(RUN, NOON), Run(OTHER_RUN, NOON)))

    [change] = on_unjudged_ping(two, MINUTE, PingKind.FAIL, NOON + MINUTE, RUN)

    assert change.state.runs == (Run(OTHER_RUN, NOON),)


def test_an_ignored_ping_changes_nothing() -> None:
    assert on_unjudged_ping(UP, MINUTE, PingKind.IGNORED, NOON + 2 * HOUR) == []
