"""The form of a policy: texts and boxes in, `PolicyValues` out."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from wtforms import Field, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice

from earlywatch.domain.duration import format_duration
from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.monitor import Cause
from earlywatch.domain.policy_words import OWN
from earlywatch.domain.zone import find_zone
from earlywatch.models import Channel, Policy, PolicyStep, Workspace
from earlywatch.services.channel_lists import state_of
from earlywatch.services.monitors import clean_tags
from earlywatch.services.policies import (
    MOST_STEPS,
    InvalidPolicy,
    PolicyValues,
    check_after,
    check_every,
    check_most,
    clean_policy_name,
)
from earlywatch.services.routing import Route
from earlywatch.web.forms import Form
from earlywatch.web.hour_fields import days_field, read_count, read_minutes
from earlywatch.web.monitor_forms import UNFIT
from earlywatch.web.reads import Reads

OWN_CHOICE = "own"
STEPS = range(1, MOST_STEPS + 1)
CAUSES = {
    Cause.MISSED: "No ping came in time",
    Cause.OVERRAN: "A run took too long",
    Cause.FAILED: "The job said that it failed",
}


def _read_after(text: str) -> timedelta:
    return check_after(read_minutes(text))


def _read_every(text: str) -> timedelta:
    return check_every(read_minutes(text))


def _read_most(text: str) -> int:
    return check_most(read_count(text))


class PolicyForm(Form):
    """What an owner types about a policy. After `validate`, `values` holds what it says.

    Each of `STEPS` has the fields `after_<number>` and `who_<number>`.
    """

    name = StringField("Name", [Reads(clean_policy_name)])
    tags = StringField("Tags", [Reads(clean_tags)], default="")
    causes = SelectMultipleField(
        "Causes",
        coerce=Cause,
        choices=[SelectChoice(cause.value, words) for cause, words in CAUSES.items()],
    )
    weekdays = days_field("Days")
    time_zone = StringField("Time zone of the days", [Reads(find_zone)])
    repeat_every = StringField("Remind every", [Reads(_read_every, optional=True)], default="")
    repeat_most = StringField("How often at most", [Reads(_read_most, optional=True)], default="")

    plan: Plan | None = None
    values: PolicyValues | None = None

    @classmethod
    def blank(cls, workspace: Workspace, channels: Iterable[Channel]) -> Self:
        """Return the form of a new policy, or what was typed into it."""
        form = cls(time_zone=workspace.time_zone, after_1="0 min", who_1=[OWN_CHOICE])
        form.offer(channels)
        return form

    @classmethod
    def of(cls, policy: Policy, channels: Iterable[Channel]) -> Self:
        """Return the form that shows `policy`, or what was typed into it."""
        form = cls(
            name=policy.name,
            tags=" ".join(policy.tags),
            causes=[Cause(cause) for cause in policy.causes],
            weekdays=policy.weekdays,
            time_zone=policy.time_zone,
            repeat_every=format_duration(policy.repeat_every) if policy.repeat_every else "",
            repeat_most=str(policy.repeat_most or ""),
            **_step_values(policy.steps),
        )
        form.offer(channels)
        return form

    def offer(self, channels: Iterable[Channel]) -> None:
        """Let these channels be chosen; those that are told nothing say so."""
        channels = list(channels)
        named = [SelectChoice(str(channel.id), channel.name) for channel in channels]
        own = SelectChoice(OWN_CHOICE, f"{OWN[0].upper()}{OWN[1:]}")
        for number in STEPS:
            self[f"who_{number}"].choices = [own, *named]
        self.channel_states = {
            str(channel.id): UNFIT[state]
            for channel in channels
            if (state := state_of(channel)) in UNFIT
        }

    @property
    def steps(self) -> list[tuple[int, Field, Field]]:
        """The number and the two fields of each step."""
        return [(number, self[f"after_{number}"], self[f"who_{number}"]) for number in STEPS]

    @property
    def last_step(self) -> int:
        """The number of the last step that says anything; at least 2, to show what more is."""
        said = [number for number, after, who in self.steps if after.data or who.data]
        return max([2, *said])

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and that together they make a policy that can be kept."""
        fine = super().validate(extra_validators)
        self.read_plan()
        if fine and not self.errors and self.plan is not None:
            self._make_values(self.plan)
        return bool(fine) and not self.errors

    def read_plan(self) -> None:
        """Set `plan` from what is typed; None, with reasons beside the fields, if refused."""
        steps = self._steps()
        every, most = self.repeat_every.value, self.repeat_most.value
        if not steps and not any(who.errors or after.errors for _, after, who in self.steps):
            self._refuse("who_1", "Choose at least one channel in one of the steps.")
        if most is not None and every is None and not self.repeat_every.errors:
            self._refuse("repeat_every", "Say how often reminders come, for example “30 min”.")
        if steps and not self._refused:
            self.plan = Plan(tuple(sorted(steps, key=lambda step: step.after)), every, most)

    def read_shown(self) -> None:
        """Set `plan` from what the form shows before anything was sent."""
        for name in (each for each in self.data if each != "csrf_token"):
            self[name].validate(self)
            self[name].errors = []
        self.read_plan()

    @property
    def route(self) -> Route | None:
        """What the form says, as far as it can be told; None while there is no plan."""
        if self.plan is None or self.tags.value is None or self.time_zone.value is None:
            return None
        if self.causes.errors or self.weekdays.errors:
            return None
        return Route(
            None,
            self.plan,
            frozenset(self.tags.value),
            frozenset(cause.value for cause in self.causes.data or ()),
            frozenset(self.weekdays.data or ()),
            self.time_zone.value.key,
        )

    @property
    def refusals(self) -> list[str]:
        """What is wrong with what was typed about who is told when, and of which incidents."""
        fields = [self.tags, self.causes, self.weekdays, self.time_zone, *self._timing]
        return [str(error) for field in fields for error in field.errors]

    @property
    def _timing(self) -> list[Field]:
        steps = [field for _, *fields in self.steps for field in fields]
        return [*steps, self.repeat_every, self.repeat_most]

    @property
    def _refused(self) -> bool:
        return any(field.errors for field in self._timing)

    def _steps(self) -> list[Step]:
        """Return the steps at which somebody is told; the others are empty."""
        found: dict[Any, Step] = {}
        for number, after, who in self.steps:
            if not who.data or who.errors or after.errors:
                continue
            moment = after.value
            if moment is None:
                self._refuse(after.name, "Say after which time, for example “10 min”.")
            elif moment in found:
                self._refuse(
                    after.name, f"Step {number} comes at the same moment as another. Move one."
                )
            else:
                found[moment] = _step(moment, who.data)
        return list(found.values())

    def _make_values(self, plan: Plan) -> None:
        try:
            self.values = PolicyValues(
                name=self.name.value,
                plan=plan,
                tags=self.tags.value,
                causes=tuple(self.causes.data),
                weekdays=tuple(sorted(self.weekdays.data)),
                time_zone=self.time_zone.value.key,
            )
        except InvalidPolicy as error:
            self.form_errors.append(str(error))

    def _refuse(self, name: str, sentence: str) -> None:
        self[name].errors = [*self[name].errors, sentence]


for _number in STEPS:
    _after = StringField("After", [Reads(_read_after, optional=True)], default="")
    setattr(PolicyForm, f"after_{_number}", _after)
    setattr(PolicyForm, f"who_{_number}", SelectMultipleField("Tell"))


def _step(after: Any, chosen: Iterable[str]) -> Step:
    ids = tuple(sorted(int(each) for each in chosen if each != OWN_CHOICE))
    return Step(after, own=OWN_CHOICE in chosen, channel_ids=ids)


def _step_values(steps: Iterable[PolicyStep]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for number, step in enumerate(steps, start=1):
        ids = [str(channel.id) for channel in step.channels]
        values[f"after_{number}"] = format_duration(step.after) if step.after else "0 min"
        values[f"who_{number}"] = [OWN_CHOICE, *ids] if step.own else ids
    return values
