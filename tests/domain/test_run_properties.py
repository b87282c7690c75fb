"""What holds for runs however they overlap."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.monitor import Cause, PingKind, Rules
from earlywatch.domain.runs import MOST_RUNS, Progress, Run, find, read_runs, write_runs
from earlywatch.domain.schedule import Interval
from tests.domain.worlds import SECOND, START, Incident, World, graces, intervals, waits

MINUTE = timedelta(minutes=1)
YEAR = timedelta(days=365)
PATIENT = Rules(Interval(YEAR), timedelta(0))
HUNG = UUID(int=99)

run_ids = st.none() | st.uuids() | st.integers(1, 4).map(lambda number: UUID(int=number))
known_ids = st.integers(1, 4).map(lambda number: UUID(int=number))
short = st.timedeltas(timedelta(0), 2 * MINUTE)
patience = st.timedeltas(SECOND, 10 * MINUTE)
numbers = st.floats(0, 1e15) | st.integers(0, 10**15)
progresses = st.builds(Progress, numbers, st.none() | numbers)
moments = st.timedeltas(timedelta(0), YEAR).map(lambda since: START + since)


@given(st.lists(st.tuples(st.booleans(), short, run_ids), max_size=60))
def test_each_end_finds_the_start_of_its_own_run(
    pings: list[tuple[bool, timedelta, UUID | None]],
) -> None:
    world, now = World(PATIENT), START
    started: dict[UUID | None, datetime] = {}
    for begins, wait, run_id in pings:
        now += wait
        if begins:
            world.ping(PingKind.START, now, run_id)
            started[run_id] = now
            continue
        run, began = find(world.state.runs, run_id), started.pop(run_id, None)
        assert (run.started_at if run else None) == began
        if run_id is None and began is None:
            started.clear()
        world.ping(PingKind.SUCCESS, now, run_id)
    assert {run.id: run.started_at for run in world.state.runs} == started


@given(
    st.builds(Rules, intervals, graces, patience, st.none() | patience),
    st.none() | st.builds(Progress, st.just(1)),
    st.lists(st.tuples(st.sampled_from(PingKind), short, known_ids, st.none() | progresses)),
    st.lists(st.tuples(st.sampled_from(PingKind), short, known_ids, st.none() | progresses)),
)
def test_a_run_that_never_ends_is_noticed_at_its_limit_whatever_other_runs_do(
    rules: Rules,
    told: Progress | None,
    before: list[tuple[PingKind, timedelta, UUID, Progress | None]],
    after: list[tuple[PingKind, timedelta, UUID, Progress | None]],
) -> None:
    world, now = World(rules), START
    for kind, wait, run_id, progress in before:
        now += wait
        world.ping(kind, now, run_id, progress)
    world.ping(PingKind.START, now, HUNG, told)
    limits = [rules.max_runtime, rules.stall_after if told else None]
    limit = now + min(filter(None, limits))
    for kind, wait, run_id, progress in after:
        now += wait
        if now > limit:
            break
        world.ping(kind, now, run_id, progress)

    world.detect(limit)

    assert any(covers(incident, limit) for incident in world.incidents)


def covers(incident: Incident, moment: datetime) -> bool:
    return incident.opened_at <= moment <= (incident.resolved_at or moment)


@given(patience, st.lists(st.tuples(patience, st.integers(0, 2)), min_size=1))
def test_a_number_stalls_at_the_right_moment_and_never_while_it_changes(
    stall_after: timedelta, logs: list[tuple[timedelta, int]]
) -> None:
    world, now = World(Rules(Interval(YEAR), timedelta(0), stall_after=stall_after)), START
    world.ping(PingKind.START, now, HUNG, Progress(0))
    moved_at, number = now, 0
    for wait, done in logs:
        if world.incidents or now + wait >= moved_at + stall_after:
            break
        now += wait
        world.ping(PingKind.LOG, now, HUNG, Progress(done))
        if done != number:
            moved_at, number = now, done

    assert world.incidents == []
    world.detect(moved_at + stall_after)
    assert world.incidents == [Incident(Cause.OVERRAN, moved_at + stall_after)]


@given(patience, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_progress_that_moves_in_time_is_never_late(
    stall_after: timedelta, parts: list[float]
) -> None:
    world, now = World(Rules(Interval(YEAR), timedelta(0), stall_after=stall_after)), START
    world.ping(PingKind.START, now, None, Progress(0))
    for done, part in enumerate(parts, start=1):
        now += (stall_after - timedelta(microseconds=1)) * part
        world.detect(now)
        world.ping(PingKind.LOG, now, None, Progress(done))

    assert world.incidents == []
    assert world.state.deadline_at == now + stall_after


@given(st.lists(st.tuples(st.integers(1, MOST_RUNS + 40), waits), max_size=30), st.booleans())
def test_there_are_never_more_than_a_hundred_runs(
    again: list[tuple[int, timedelta]], failed: bool
) -> None:
    world, now = World(PATIENT), START
    if failed:
        world.ping(PingKind.FAIL, now)
    for number in range(MOST_RUNS):
        world.ping(PingKind.START, now, UUID(int=number + 1))
    for number, wait in again:
        now += wait
        world.ping(PingKind.START, now, UUID(int=number))

        assert len(world.state.runs) == MOST_RUNS
        assert world.state.runs[-1] == Run(UUID(int=number), now)


@given(
    st.lists(
        st.builds(Run, st.none() | st.uuids(), moments, st.none(), st.none(), st.none() | moments)
        | st.builds(Run, st.none() | st.uuids(), moments, progresses, moments)
        | st.builds(
            Run, st.none(), moments, progresses, moments, st.none() | moments, numbers, moments
        ),
        max_size=5,
    ).map(tuple)
)
def test_runs_come_back_from_json_as_they_were(runs: tuple[Run, ...]) -> None:
    assert read_runs(json.loads(json.dumps(write_runs(runs)))) == runs


@given(moments, moments, moments, progresses, progresses)
def test_an_expected_end_is_never_before_the_last_movement_nor_absurd(
    started_at: datetime, first_at: datetime, moved_at: datetime, first: Progress, last: Progress
) -> None:
    end = Run(None, started_at).told(first, first_at).told(last, moved_at).expected_end()

    assert end is None or moved_at <= end <= moved_at + YEAR
