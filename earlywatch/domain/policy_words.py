"""A plan of who is told when, in words. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from earlywatch.domain.duration import format_duration
from earlywatch.domain.escalation import Plan, Step

OWN = "the monitor's own channels"
ENOUGH = "until somebody acknowledges or it is over"


def plan_words(plan: Plan, names: Mapping[int, str]) -> str:
    """Return who is told when: "at once: On call; after 10 min: Anna; then every 30 min …".

    `names` are those of channels by id; one that is not there is left out.
    """
    parts = [f"{after_words(step.after)}: {who_words(step, names)}" for step in plan.steps]
    reminders = reminder_words(plan)
    return "; ".join([*parts, f"then {reminders}"] if reminders else parts)


def after_words(after: timedelta) -> str:
    """Return when a step comes: "at once", "after 10 min"."""
    return f"after {format_duration(after)}" if after else "at once"


def who_words(step: Step, names: Mapping[int, str]) -> str:
    """Return who is told at a step: "On call, Anna and the monitor's own channels"."""
    who = [names[channel_id] for channel_id in step.channel_ids if channel_id in names]
    if step.own:
        who.append(OWN)
    if not who:
        return f"nobody that it names, so {OWN}"
    return " and ".join(filter(None, [", ".join(who[:-1]), who[-1]]))


def reminder_words(plan: Plan) -> str:
    """Return how everybody is reminded: "every 30 min, 3 times at most, …"; empty: not at all."""
    if plan.repeat_every is None:
        return ""
    return f"every {format_duration(plan.repeat_every)}, {end_words(plan)}"


def end_words(plan: Plan) -> str:
    """Return when reminders end: "3 times at most, until somebody acknowledges or it is over"."""
    most = plan.repeat_most
    times = "" if most is None else f"{'once' if most == 1 else f'{most} times'} at most, "
    return f"{times}{ENOUGH}"
