"""What the pages of policies say: who is told when, of which monitors, and what is amiss."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from earlywatch.domain.duration import format_duration
from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.policy_words import after_words, end_words, plan_words, who_words
from earlywatch.domain.weekdays import day_words
from earlywatch.models import Channel
from earlywatch.services.policies import Reach, Watched
from earlywatch.services.routing import Route
from earlywatch.web.policy_forms import CAUSES

NAMED = 3  # monitors named in a sentence


@dataclass(frozen=True)
class Moment:
    """One line of the timeline. `mute` are the channels it names that are sent nothing now."""

    when: str
    who: str
    mute: str = ""


@dataclass(frozen=True)
class Preview:
    """A policy as people read it."""

    words: str
    moments: Sequence[Moment]
    meant: str
    reach: Reach
    warnings: Sequence[str]


def preview(
    route: Route, channels: Mapping[int, Channel], monitors: Sequence[Watched], reach: Reach
) -> Preview:
    """Return what a policy means with the present channels and monitors of its workspace."""
    names = {channel.id: channel.name for channel in channels.values()}
    plan = route.plan
    moments = [
        Moment(after_words(step.after), who_words(step, names), _mute(step, channels))
        for step in plan.steps
    ]
    if plan.repeat_every is not None:
        every = f"then every {format_duration(plan.repeat_every)}"
        moments.append(Moment(every, f"everybody told so far, {end_words(plan)}"))
    tags = {tag for monitor in monitors for tag in monitor.tags}
    warnings = [*_of_first_step(plan, channels, reach), *_of_tags(route.tags, tags)]
    return Preview(plan_words(plan, names), moments, meant_words(route), reach, warnings)


def meant_words(route: Route) -> str:
    """Return what a policy is for: "late or failed; tags db or prod; opened on Monday"."""
    tags = " or ".join(f"“{tag}”" for tag in sorted(route.tags))
    causes = [words for cause, words in CAUSES.items() if cause.value in route.causes]
    parts = [f"Monitors with the tag {tags}" if tags else "All monitors"]
    if causes and len(causes) < len(CAUSES):
        parts.append(" or ".join(f"{words[0].lower()}{words[1:]}" for words in causes))
    if 0 < len(route.weekdays) < 7:
        parts.append(f"opened {day_words(route.weekdays)}, {route.time_zone}")
    return " · ".join(parts)


def monitor_words(monitors: Sequence[Watched]) -> str:
    """Return the names of some monitors, the first few of them."""
    names = [monitor.name for monitor in monitors[:NAMED]]
    more = len(monitors) - len(names)
    return f"{', '.join(names)} and {more} more" if more else ", ".join(names)


def _of_first_step(plan: Plan, channels: Mapping[int, Channel], reach: Reach) -> Iterable[str]:
    first = plan.steps[0]
    if first.after > timedelta(0):
        yield f"Nobody is told for the first {format_duration(first.after)}."
    if _working(first, channels):
        return
    if first.channel_ids:
        yield (
            "Nobody whom the first step names can be told now. The monitor's own channels are told"
            " instead."
        )
    if reach.silent:
        these = "has" if len(reach.silent) == 1 else "have"
        yield (
            f"The first step would tell nobody of {monitor_words(reach.silent)}, which {these} no"
            " channel that works."
        )


def _of_tags(wanted: Collection[str], tags: Collection[str]) -> Iterable[str]:
    for tag in sorted(set(wanted) - set(tags)):
        yield f"No monitor has the tag “{tag}” now."


def _working(step: Step, channels: Mapping[int, Channel]) -> bool:
    named = (channels.get(channel_id) for channel_id in step.channel_ids)
    return any(channel is not None and channel.usable for channel in named)


def _mute(step: Step, channels: Mapping[int, Channel]) -> str:
    named = [channels[each] for each in step.channel_ids if each in channels]
    return ", ".join(channel.name for channel in named if not channel.usable)
