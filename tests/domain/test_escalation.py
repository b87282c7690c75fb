"""Who is told when: each step once and in order, then reminders until somebody acts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.escalation import OWN_CHANNELS, Plan, Progress, Step, Telling, on_look

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLAN = Plan(
    (
        Step(timedelta(0), own=True),
        Step(10 * MINUTE, own=False, channel_ids=(2,)),
        Step(30 * MINUTE, own=False, channel_ids=(3,)),
    ),
    repeat_every=15 * MINUTE,
    repeat_most=2,
)

minutes = st.integers(0, 120).map(lambda count: count * MINUTE)
plans = st.builds(
    Plan,
    st.lists(minutes, min_size=1, max_size=5, unique=True).map(
        lambda afters: tuple(Step(after, own=True) for after in sorted(afters))
    ),
    st.none() | st.integers(1, 90).map(lambda count: count * MINUTE),
    st.none() | st.integers(0, 5),
)


def after(progress: Progress, telling: Telling, now: datetime) -> Progress:
    """Return the progress once something was told, as the planner writes it."""
    taken = max(progress.step, *(number + 1 for number, _ in telling.steps), 0)
    reminders = progress.reminders + telling.reminds
    return replace(
        progress, since=progress.since or now, step=taken, reminders=reminders, snoozed=False
    )


def test_without_a_policy_the_own_channels_are_told_once() -> None:
    telling = on_look(OWN_CHANNELS, Progress(), NOW)

    assert [step.own for _, step in telling.steps] == [True]
    assert telling.next_at is None


def test_steps_come_at_their_moments_and_then_reminders_so_many_times() -> None:
    progress, now, told = Progress(), NOW, []
    while True:
        telling = on_look(PLAN, progress, now)
        told.append(((now - NOW) // MINUTE, [n for n, _ in telling.steps], telling.reminds))
        progress = after(progress, telling, now)
        if telling.next_at is None:
            break
        now = telling.next_at

    assert told == [
        (0, [0], False),
        (10, [1], False),
        (30, [2], False),
        (45, [], True),
        (60, [], True),
    ]


def test_whoever_looks_late_takes_all_steps_at_once_and_reminds_once() -> None:
    progress = after(Progress(), on_look(PLAN, Progress(), NOW), NOW)

    telling = on_look(PLAN, progress, NOW + 5 * 60 * MINUTE)

    assert [number for number, _ in telling.steps] == [1, 2]
    assert not telling.reminds
    assert telling.next_at == NOW + 315 * MINUTE


def test_nothing_is_told_after_somebody_acknowledged() -> None:
    told = after(Progress(), on_look(PLAN, Progress(), NOW), NOW)

    assert on_look(PLAN, replace(told, acknowledged=True), NOW + 60 * MINUTE) == Telling()


def test_a_snooze_ends_with_a_reminder_to_whoever_was_told() -> None:
    told = after(Progress(), on_look(OWN_CHANNELS, Progress(), NOW), NOW)

    telling = on_look(OWN_CHANNELS, replace(told, snoozed=True), NOW + 60 * MINUTE)

    assert telling.reminds
    assert telling.next_at is None


def test_a_snooze_before_the_first_step_reminds_nobody() -> None:
    plan = Plan((Step(10 * MINUTE, own=True),))

    assert not on_look(plan, Progress(since=NOW, snoozed=True), NOW).reminds


@given(plans, st.lists(st.integers(1, 7_200), max_size=30))
def test_each_step_is_taken_once_in_order_and_never_early(plan: Plan, waits: list[int]) -> None:
    progress, now, seen, reminded = Progress(), NOW, [], 0
    for wait in [0, *waits]:
        now += timedelta(seconds=wait)
        telling = on_look(plan, progress, now)
        for number, step in telling.steps:
            assert now >= (progress.since or now) + step.after
            seen.append(number)
        reminded += telling.reminds
        progress = after(progress, telling, now)
        assert telling.next_at is None or telling.next_at > now
        more = len(seen) < len(plan.steps)
        assert telling.next_at is not None or not more

    assert seen == list(range(len(seen)))
    if plan.repeat_every is None:
        assert reminded == 0
    elif plan.repeat_most is not None:
        assert reminded <= plan.repeat_most


@given(plans)
def test_whoever_always_looks_when_told_to_misses_no_step(plan: Plan) -> None:
    progress, now = Progress(), NOW
    for _ in range(len(plan.steps) + 1):
        telling = on_look(plan, progress, now)
        progress = after(progress, telling, now)
        if telling.next_at is None or progress.step == len(plan.steps):
            break
        now = telling.next_at

    assert progress.step == len(plan.steps)
    assert now == NOW + plan.steps[-1].after
