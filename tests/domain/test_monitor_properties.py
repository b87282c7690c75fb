"""What holds for a monitor whatever happens to it, in whatever order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from earlywatch.domain.monitor import (
    UNWATCHED,
    Cause,
    Change,
    MonitorState,
    PingKind,
    Rules,
    Status,
    on_freeze,
    on_pause,
    on_resume,
    on_thaw,
)
from earlywatch.domain.runs import Progress
from tests.domain.worlds import (
    SECOND,
    START,
    Incident,
    World,
    all_rules,
    heard_kinds,
    kinds,
    progresses,
    run_ids,
    waits,
)

YEAR = timedelta(days=365)
Stop = Callable[[MonitorState, timedelta, datetime], list[Change]]
Return = Callable[[MonitorState, Rules, datetime], list[Change]]


class TwoDetectors(RuleBasedStateMachine):
    """The same life twice: one monitor is looked at now and then, the other never."""

    @initialize(rules=all_rules)
    def begin(self, rules: Rules) -> None:
        self.now = START
        self.watched, self.unwatched = World(rules), World(rules)

    @rule(wait=waits)
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait

    @precondition(lambda self: self.watched.state.deadline_at)
    @rule(beside=st.sampled_from([-SECOND, timedelta(0), SECOND]))
    def time_passes_to_the_deadline(self, beside: timedelta) -> None:
        assert self.watched.state.deadline_at
        self.now = max(self.now, self.watched.state.deadline_at + beside)

    @rule()
    def the_detector_runs(self) -> None:
        self.watched.detect(self.now)

    @rule(kind=heard_kinds, run_id=run_ids, progress=progresses)
    def a_ping_comes(self, kind: PingKind, run_id: UUID | None, progress: Progress | None) -> None:
        due, known = self.unwatched.state.deadline_at, len(self.unwatched.incidents)
        for world in (self.watched, self.unwatched):
            world.ping(kind, self.now, run_id, progress)
            assert world.state.deadline_at is None or world.state.deadline_at > self.now
        if due and due <= self.now:
            assert self.unwatched.incidents[known].opened_at == due
        if kind is PingKind.SUCCESS and self.unwatched.state.status not in UNWATCHED:
            self.all_is_well_again()

    def all_is_well_again(self) -> None:
        state = self.unwatched.state
        assert state.status is Status.UP
        assert state.last_success_at == self.now
        assert state.deadline_at
        assert state.deadline_at > self.now
        assert self.unwatched.open is None

    @rule(run_id=run_ids, progress=progresses)
    def a_ping_is_ignored(self, run_id: UUID | None, progress: Progress | None) -> None:
        for world in (self.watched, self.unwatched):
            before = world.state, len(world.incidents)
            world.ping(PingKind.IGNORED, self.now, run_id, progress)
            assert (world.state, len(world.incidents)) == before

    @rule()
    def it_is_paused(self) -> None:
        for world in (self.watched, self.unwatched):
            world.apply(on_pause(world.state, world.rules.grace, self.now))
            assert world.state.status is Status.PAUSED
            assert world.open is None

    @rule()
    def it_is_frozen(self) -> None:
        was_paused = self.watched.state.status is Status.PAUSED
        for world in (self.watched, self.unwatched):
            world.apply(on_freeze(world.state, world.rules.grace, self.now))
            assert world.state.status is (Status.PAUSED if was_paused else Status.FROZEN)
            assert world.open is None

    @rule(back=st.sampled_from([(on_resume, Status.PAUSED), (on_thaw, Status.FROZEN)]))
    def it_is_watched_again(self, back: tuple[Return, Status]) -> None:
        returns, status = back
        stopped = self.watched.state.status is status
        incidents = self.watched.settled(self.now)[1]
        for world in (self.watched, self.unwatched):
            world.apply(returns(world.state, world.rules, self.now))
        state, rules = self.watched.state, self.watched.rules
        assert self.watched.settled(self.now)[1] == incidents
        if stopped and state.status is Status.UP:
            assert state.deadline_at == rules.schedule.next_after(self.now) + rules.grace

    @rule(new=all_rules)
    def it_is_edited(self, new: Rules) -> None:
        incidents = self.watched.settled(self.now)[1]
        for world in (self.watched, self.unwatched):
            world.edit(new, self.now)
            assert world.state.deadline_at is None or world.state.deadline_at > self.now
        assert self.watched.incidents == incidents

    @invariant()
    def what_happened_does_not_depend_on_the_detector(self) -> None:
        assert self.watched.settled(self.now) == self.unwatched.settled(self.now)

    @invariant()
    def a_deadline_is_set_exactly_while_silence_would_mean_trouble(self) -> None:
        state = self.watched.state
        started_first = state.status is Status.NEW and state.running
        assert (state.deadline_at is not None) == (state.status is Status.UP or started_first)
        if state.deadline_at:
            assert state.expected_at
            assert state.deadline_at <= state.expected_at + self.watched.rules.grace

    @invariant()
    def a_deadline_is_the_first_moment_at_which_waiting_ends(self) -> None:
        state, rules = self.watched.state, self.watched.rules
        if state.deadline_at and state.expected_at:
            limits = [run.limit(rules) for run in state.runs]
            moments = [state.expected_at + rules.grace, *filter(None, limits)]
            assert state.deadline_at == min(moments)

    @invariant()
    def no_two_open_runs_have_the_same_id_and_the_oldest_comes_first(self) -> None:
        runs = self.watched.state.runs
        assert len({run.id for run in runs}) == len(runs)
        assert sorted(runs, key=lambda run: run.started_at) == list(runs)

    @invariant()
    def trouble_is_open_exactly_while_late_or_failed(self) -> None:
        in_trouble = self.watched.state.status in (Status.LATE, Status.FAILED)
        assert (self.watched.open is not None) == in_trouble

    @invariant()
    def incidents_follow_each_other(self) -> None:
        end = START
        for incident in self.watched.incidents:
            assert incident.opened_at >= end
            end = incident.resolved_at or self.now
            assert incident.opened_at <= end <= self.now


TestTwoDetectors = TwoDetectors.TestCase
TestTwoDetectors.settings = settings(max_examples=150, stateful_step_count=40)


@given(
    all_rules,
    st.lists(st.tuples(kinds, st.timedeltas(-timedelta(hours=1), timedelta(hours=2)), run_ids)),
)
def test_pings_with_older_moments_move_nothing_backwards(
    rules: Rules, pings: list[tuple[PingKind, timedelta, UUID | None]]
) -> None:
    world, now = World(rules), START
    for kind, jump, run_id in pings:
        now += jump
        before = world.state
        world.ping(kind, now, run_id)
        after = world.state

        assert not_earlier(before.last_ping_at, after.last_ping_at)
        assert not_earlier(before.last_success_at, after.last_success_at)
        assert not_earlier(before.expected_at, after.expected_at) or after.expected_at is None
    moments = [at for each in world.incidents for at in (each.opened_at, each.resolved_at) if at]
    assert moments == sorted(moments)


def not_earlier(before: datetime | None, after: datetime | None) -> bool:
    return before is None or (after is not None and after >= before)


@given(all_rules, waits, waits)
def test_a_lag_of_the_detector_does_not_shorten_the_downtime(
    rules: Rules, lag: timedelta, more: timedelta
) -> None:
    world = World(rules)
    world.ping(PingKind.SUCCESS, START)
    due = world.state.deadline_at
    assert due

    world.detect(due + lag)
    world.detect(due + lag + more)
    world.ping(PingKind.SUCCESS, due + lag + more)

    assert world.incidents == [Incident(Cause.MISSED, due, due + lag + more)]


@given(
    all_rules,
    all_rules,
    st.lists(st.tuples(run_ids, progresses)),
    st.floats(0, 1, exclude_max=True),
)
def test_an_edit_in_time_neither_opens_trouble_nor_sets_a_passed_deadline(
    old: Rules, new: Rules, runs: list[tuple[UUID | None, Progress | None]], part: float
) -> None:
    world = World(old)
    world.ping(PingKind.SUCCESS, START)
    for run_id, progress in runs:
        world.ping(PingKind.START, START, run_id, progress)
    due = world.state.deadline_at
    assert due
    now = START + SECOND * int(part * ((due - START) / SECOND))

    world.edit(new, now)

    assert world.incidents == []
    assert world.state.status is Status.UP
    assert world.state.deadline_at
    assert world.state.deadline_at > now


@given(
    all_rules,
    st.sampled_from([(on_pause, Status.PAUSED), (on_freeze, Status.FROZEN)]),
    st.lists(st.tuples(heard_kinds, waits, run_ids), min_size=1),
)
def test_a_paused_or_frozen_monitor_judges_nothing(
    rules: Rules,
    stop: tuple[Stop, Status],
    pings: list[tuple[PingKind, timedelta, UUID | None]],
) -> None:
    (stops, status), world, now = stop, World(rules), START
    world.ping(PingKind.SUCCESS, now)
    world.apply(stops(world.state, rules.grace, now))

    for kind, wait, run_id in pings:
        now += wait
        world.ping(kind, now, run_id)
        world.detect(now + timedelta(days=400))

    assert world.incidents == []
    assert world.state.status is status
    assert world.state.last_ping_at == now


@given(all_rules, st.lists(st.tuples(kinds, waits, run_ids)), st.timedeltas(SECOND, YEAR))
def test_a_thaw_counts_from_now_and_raises_no_alarm_however_old_the_last_ping(
    rules: Rules, pings: list[tuple[PingKind, timedelta, UUID | None]], frozen_for: timedelta
) -> None:
    world, now = World(rules), START
    world.ping(PingKind.SUCCESS, now)
    world.apply(on_freeze(world.state, rules.grace, now))
    for kind, wait, run_id in pings:
        now += wait
        world.ping(kind, now, run_id)

    now += frozen_for
    world.apply(on_thaw(world.state, rules, now))
    world.detect(now)

    due = rules.schedule.next_after(now) + rules.grace
    assert world.incidents == []
    assert (world.state.status, world.state.deadline_at) == (Status.UP, due)
