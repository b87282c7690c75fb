"""The form of a monitor: texts in, `MonitorValues` out."""

from collections.abc import Callable, Iterable
from typing import Any, Self

from wtforms import RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from earlywatch.domain.duration import format_duration, parse_duration
from earlywatch.domain.monitor import Rules
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.domain.zone import find_zone
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel, Monitor, Workspace
from earlywatch.services.channel_lists import ChannelState, state_of
from earlywatch.services.monitors import MonitorValues, clean_name, clean_tags
from earlywatch.web.forms import Form
from earlywatch.web.reads import Reads

UNFIT = {
    ChannelState.WAITING: "Waits for confirmation: nothing is sent until then.",
    ChannelState.BROKEN: "Broken: nothing is sent.",
    ChannelState.UNSUBSCRIBED: "Unsubscribed: nothing is sent.",
}
KINDS = [
    SelectChoice("interval", "Every …"),
    SelectChoice("cron", "Cron"),
    SelectChoice("oncalendar", "systemd calendar"),
]


class MonitorForm(Form):
    """What an owner types about a monitor. After `validate`, `values` holds what it says."""

    name = StringField("Name", [Reads(clean_name)])
    tags = StringField("Tags", [Reads(clean_tags)])
    kind = RadioField("Schedule", choices=KINDS, default="interval")
    period = StringField("Period", default="1 day")
    cron = StringField("Cron expression")
    oncalendar = TextAreaField("Calendar expressions")
    time_zone = StringField("Time zone", [Reads(find_zone)])
    grace = StringField("Grace", [Reads(parse_duration)], default="1 h")
    max_runtime = StringField("Longest run time", [Reads(parse_duration, optional=True)])
    channels = SelectMultipleField("Tell", coerce=int)

    schedule: Schedule | None = None
    rules: Rules | None = None

    @classmethod
    def blank(cls, workspace: Workspace, channels: Iterable[Channel]) -> Self:
        """Return the form of a new monitor, or what was typed into it."""
        channels = list(channels)
        defaults = [channel.id for channel in channels if channel.is_default]
        form = cls(time_zone=workspace.time_zone, channels=defaults)
        form.offer(channels)
        return form

    @classmethod
    def of(cls, monitor: Monitor, used: Iterable[Channel], channels: Iterable[Channel]) -> Self:
        """Return the form that shows `monitor`, or what was typed into it."""
        form = cls(
            name=monitor.name,
            tags=" ".join(monitor.tags),
            kind=monitor.schedule_kind,
            time_zone=monitor.time_zone,
            grace=format_duration(monitor.grace),
            max_runtime=format_duration(monitor.max_runtime) if monitor.max_runtime else "",
            channels=[channel.id for channel in used],
            **_schedule_texts(monitor),
        )
        form.offer(channels)
        return form

    def offer(self, channels: Iterable[Channel]) -> None:
        """Let these channels be chosen; those that are told nothing say so."""
        channels = list(channels)
        self.channels.choices = [SelectChoice(channel.id, channel.name) for channel in channels]
        self.channel_states = {
            str(channel.id): UNFIT[state]
            for channel in channels
            if (state := state_of(channel)) in UNFIT
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and that together they make rules that can be kept."""
        fine = super().validate(extra_validators)
        self._make_schedule()
        self._make_rules()
        return bool(fine) and self.rules is not None

    def read_schedule(self) -> None:
        """Set `schedule` from what is typed; None, with the reason beside its field, if refused."""
        self.time_zone.validate(self)
        self._make_schedule()

    def _make_schedule(self) -> None:
        zone = self.time_zone.value
        if zone is None:
            return
        if self.kind.data == "cron":
            self.schedule = _tried(self.cron, lambda text: Cron(text, zone.key))
        elif self.kind.data == "oncalendar":
            self.schedule = _tried(self.oncalendar, lambda text: OnCalendar(text, zone.key))
        else:
            self.schedule = _tried(self.period, lambda text: Interval(parse_duration(text)))

    def _make_rules(self) -> None:
        schedule, grace, longest = self.schedule, self.grace.value, self.max_runtime.value
        if schedule is None or grace is None:
            return
        if _tried(self.grace, lambda _: Rules(schedule, grace)):
            self.rules = _tried(self.max_runtime, lambda _: Rules(schedule, grace, longest))

    @property
    def values(self) -> MonitorValues:
        """What the form says, once `validate` said that it is fine."""
        assert self.rules is not None
        return MonitorValues(
            name=self.name.value,
            rules=self.rules,
            time_zone=self.time_zone.value.key,
            tags=self.tags.value,
            channel_ids=tuple(self.channels.data),
        )


def _schedule_texts(monitor: Monitor) -> dict[str, str]:
    if monitor.period is not None:
        return {"period": format_duration(monitor.period)}
    return {monitor.schedule_kind: monitor.expression or ""}


def _tried(field: StringField, make: Callable[[str], Any]) -> Any:
    """Return what `make` makes of the field's text, or None with the reason beside the field."""
    try:
        return make((field.data or "").strip())
    except EarlywatchError as error:
        field.errors = [*field.errors, str(error)]
        return None
