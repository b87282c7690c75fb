"""Pausing, resuming, freezing and thawing. A period of an hour and a grace of a minute."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain.monitor import (
    Cause,
    Change,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_deadline,
    on_freeze,
    on_pause,
    on_ping,
    on_resume,
    on_thaw,
)
from earlywatch.domain.runs import Run
from earlywatch.domain.schedule import Interval

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RULES = Rules(Interval(HOUR), MINUTE)
NEW = MonitorState()
UP = MonitorState(Status.UP, NOON, NOON, NOON + HOUR, NOON + HOUR + MINUTE)
LATE = replace(UP, status=Status.LATE, deadline_at=None)
RUNNING = replace(UP, runs=(Run(None, NOON),), deadline_at=NOON + 10 * MINUTE)
HEARD = [kind for kind in PingKind if kind is not PingKind.IGNORED]


@pytest.mark.parametrize("stop", [on_pause, on_freeze])
@pytest.mark.parametrize("kind", HEARD)
def test_a_paused_or_frozen_monitor_keeps_pings_and_judges_nothing(
    kind: PingKind, stop: Callable[..., list[Change]]
) -> None:
    stopped = stop(UP, RULES.grace, NOON + MINUTE)[-1].state

    [change] = on_ping(stopped, RULES, kind, NOON + 100 * HOUR)

    assert change.state == replace(stopped, last_ping_at=NOON + 100 * HOUR)
    assert (change.opens, change.resolves) == (None, False)
    assert on_deadline(change.state, MINUTE, NOON + 1000 * HOUR) is None


def test_pausing_ends_trouble_silently() -> None:
    [change] = on_pause(LATE, RULES.grace, NOON + 5 * HOUR)

    assert change.resolves
    assert change.silent
    assert change.state.status is Status.PAUSED


def test_pausing_first_settles_a_deadline_that_nobody_noticed() -> None:
    missed, paused = on_pause(UP, RULES.grace, NOON + 5 * HOUR)

    assert (missed.opens, missed.at) == (Cause.MISSED, NOON + HOUR + MINUTE)
    assert (paused.silent, paused.at) == (True, NOON + 5 * HOUR)


def test_pausing_forgets_the_run() -> None:
    assert not on_pause(RUNNING, RULES.grace, NOON + MINUTE)[-1].state.running


def test_resuming_counts_from_now() -> None:
    paused = on_pause(UP, RULES.grace, NOON + MINUTE)[-1].state

    [change] = on_resume(paused, RULES, NOON + 9 * HOUR)

    assert change.state.status is Status.UP
    assert change.state.deadline_at == NOON + 10 * HOUR + MINUTE
    assert not change.resolves


def test_resuming_a_monitor_that_never_had_a_ping_waits_for_the_first() -> None:
    paused = on_pause(NEW, RULES.grace, NOON)[-1].state

    assert on_resume(paused, RULES, NOON + HOUR)[-1].state == NEW


def test_resuming_what_is_not_paused_changes_nothing() -> None:
    assert on_resume(UP, RULES, NOON) == []


@pytest.mark.parametrize("state", [NEW, UP, LATE, RUNNING])
def test_freezing_is_pausing_under_another_name(state: MonitorState) -> None:
    later = NOON + 5 * HOUR

    paused = on_pause(state, RULES.grace, later)
    frozen = on_freeze(state, RULES.grace, later)

    last = paused[-1]
    named = replace(last, state=replace(last.state, status=Status.FROZEN))
    assert frozen == [*paused[:-1], named]


def test_what_its_owner_paused_is_not_frozen() -> None:
    paused = on_pause(UP, RULES.grace, NOON)[-1].state

    assert on_freeze(paused, RULES.grace, NOON + HOUR) == []


def test_freezing_twice_is_freezing_once() -> None:
    frozen = on_freeze(UP, RULES.grace, NOON)[-1].state

    assert on_freeze(frozen, RULES.grace, NOON + HOUR) == []


def test_a_frozen_monitor_can_be_paused_so_that_no_thaw_reaches_it() -> None:
    frozen = on_freeze(UP, RULES.grace, NOON)[-1].state

    [change] = on_pause(frozen, RULES.grace, NOON + HOUR)

    assert (change.state.status, change.opens) == (Status.PAUSED, None)
    assert on_thaw(change.state, RULES, NOON + 2 * HOUR) == []


def test_thawing_after_months_counts_from_now_and_not_from_the_last_ping() -> None:
    frozen = on_freeze(LATE, RULES.grace, NOON + 5 * HOUR)[-1].state
    pinged = on_ping(frozen, RULES, PingKind.SUCCESS, NOON + 6 * HOUR)[-1].state
    months_later = NOON + 2_000 * HOUR

    [change] = on_thaw(pinged, RULES, months_later)

    assert (change.opens, change.resolves) == (None, False)
    assert change.state.status is Status.UP
    assert change.state.deadline_at == months_later + HOUR + MINUTE
    assert on_deadline(change.state, MINUTE, months_later) is None


def test_thawing_a_monitor_that_never_had_a_ping_waits_for_the_first() -> None:
    frozen = on_freeze(NEW, RULES.grace, NOON)[-1].state

    assert on_thaw(frozen, RULES, NOON + HOUR)[-1].state == NEW


@pytest.mark.parametrize("state", [NEW, UP, LATE])
def test_only_a_frozen_monitor_thaws(state: MonitorState) -> None:
    assert on_thaw(state, RULES, NOON) == []


def test_resuming_does_not_thaw() -> None:
    frozen = on_freeze(UP, RULES.grace, NOON)[-1].state

    assert on_resume(frozen, RULES, NOON) == []
