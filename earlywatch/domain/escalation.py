"""Who is told of an incident when: steps, then reminders. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Step:
    """Who is told once an incident was told of for `after`; `own`: the monitor's own channels."""

    after: timedelta
    own: bool
    channel_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Steps in the order of `after`, then reminders: `repeat_most` of them, None: without end."""

    steps: tuple[Step, ...]
    repeat_every: timedelta | None = None
    repeat_most: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far the telling of an incident is. `since` (UTC) is None before it begins."""

    since: datetime | None = None
    step: int = 0  # steps that were taken
    reminders: int = 0  # that were sent
    acknowledged: bool = False
    snoozed: bool = False  # a snooze has just ended


@dataclass(frozen=True)
class Telling:
    """What is to be told now: steps by their number from 0, and whether to remind the others.

    `next_at` (UTC) is when to ask again, None if there is nothing more to tell.
    """

    steps: tuple[tuple[int, Step], ...] = ()
    reminds: bool = False
    next_at: datetime | None = None


NOBODY = Telling()
# Without a policy the monitor's own channels are told, at once and once.
OWN_CHANNELS = Plan((Step(timedelta(0), own=True),))


def on_look(plan: Plan, progress: Progress, now: datetime) -> Telling:
    """Return what is to be told at `now` (UTC), a moment at which it was to be looked at.

    Steps that were missed are taken at once; reminders that were missed are not made up for.
    """
    if progress.acknowledged:
        return NOBODY
    since = progress.since or now
    due = tuple(
        (number, step)
        for number, step in enumerate(plan.steps)
        if number >= progress.step and since + step.after <= now
    )
    taken = max(progress.step, due[-1][0] + 1 if due else 0)
    at_end = taken >= len(plan.steps)
    reminds = bool(progress.step) and (
        progress.snoozed or (at_end and not due and _repeats(plan, progress.reminders))
    )
    if not at_end:
        return Telling(due, reminds, since + plan.steps[taken].after)
    again = _repeats(plan, progress.reminders + reminds) and plan.repeat_every
    return Telling(due, reminds, now + again if again else None)


def _repeats(plan: Plan, reminders: int) -> bool:
    most = plan.repeat_most
    return plan.repeat_every is not None and (most is None or reminders < most)


def next_look(plan: Plan, progress: Progress, told_at: datetime) -> datetime | None:
    """Return when to tell more (UTC), None if nothing more is to be told.

    `told_at` is when people were told last. For whoever goes on with what another has begun.
    """
    if progress.acknowledged:
        return None
    since = progress.since or told_at
    if progress.step < len(plan.steps):
        return since + plan.steps[progress.step].after
    if plan.repeat_every is None or not _repeats(plan, progress.reminders):
        return None
    return told_at + plan.repeat_every
