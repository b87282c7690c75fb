"""The form of a monitor: texts in, `MonitorValues` out."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Self

from wtforms import RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from earlywatch.domain.duration import format_duration, parse_duration
from earlywatch.domain.keywords import InvalidKeywords, Keywords, Otherwise
from earlywatch.domain.monitor import Rules
from earlywatch.domain.networks import clean_networks, short_network
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.domain.zone import find_zone
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel, Monitor, Workspace
from earlywatch.services.channel_lists import ChannelState, state_of
from earlywatch.services.dependencies import Parents
from earlywatch.services.monitors import MonitorValues, clean_name, clean_tags
from earlywatch.services.slugs import clean_slug, slug_of
from earlywatch.web.forms import Switch
from earlywatch.web.noise_forms import NoiseFields
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
OTHERWISE = [
    SelectChoice(Otherwise.SUCCESS, "Success"),
    SelectChoice(Otherwise.FAIL, "Failure"),
    SelectChoice(Otherwise.IGNORED, "Ignored"),
]
WORDS = ("failure", "success", "start")
WITH_WORDS = ("in_subject", "in_body", "match_case", "otherwise")  # which say nothing alone
SELDOM = (
    "urgent", "max_runtime", "stall_after", "sticky_pause", "post_only", "allowed_networks",
    "mask_secrets", *WORDS, *WITH_WORDS,
)  # fmt: skip


def _words(meaning: str) -> Callable[[str], tuple[str, ...]]:
    """Return what reads words of this meaning, one a line; it raises InvalidKeywords."""

    def read(text: str) -> tuple[str, ...]:
        lines = (line.strip() for line in text.splitlines())
        words = tuple(dict.fromkeys(line for line in lines if line))
        wanted: dict[str, Any] = {meaning: words}
        Keywords(**wanted)
        return words

    return read


class MonitorForm(NoiseFields):
    """What an owner types about a monitor. After `validate`, `values` holds what it says."""

    name = StringField("Name", [Reads(clean_name)])
    tags = StringField("Tags", [Reads(clean_tags)])
    kind = RadioField("Schedule", choices=KINDS, default="interval")
    period = StringField("Period", default="1 day")
    cron = StringField("Cron expression")
    oncalendar = TextAreaField("Calendar expressions")
    time_zone = StringField("Time zone", [Reads(find_zone)])
    grace = StringField("Grace", [Reads(parse_duration)], default="1 h")
    channels = SelectMultipleField("Tell", coerce=int)

    urgent = Switch("Urgent", default=False)
    slug = StringField("Name in ping URLs", [Reads(clean_slug, optional=True)], default="")
    max_runtime = StringField(
        "Longest run time", [Reads(parse_duration, optional=True)], default=""
    )
    stall_after = StringField(
        "Longest standstill", [Reads(parse_duration, optional=True)], default=""
    )
    sticky_pause = Switch("Stay paused until somebody resumes it", default=True)
    post_only = Switch("Take POST only", default=False)
    allowed_networks = TextAreaField("Allowed networks", [Reads(clean_networks)], default="")
    mask_secrets = Switch("Mask secrets", default=True)
    failure = TextAreaField(
        "Words of a failure", [Reads(_words("failure"), optional=True)], default=""
    )
    success = TextAreaField(
        "Words of a success", [Reads(_words("success"), optional=True)], default=""
    )
    start = TextAreaField("Words of a start", [Reads(_words("start"), optional=True)], default="")
    in_subject = Switch("Look in the subject", default=True)
    in_body = Switch("Look in the body", default=True)
    match_case = Switch("Match case", default=False)
    otherwise = RadioField(
        "Without any of these words it is",
        choices=OTHERWISE,
        default=Otherwise.SUCCESS,
        coerce=Otherwise,
    )

    schedule: Schedule | None = None
    rules: Rules | None = None
    keywords: Keywords | None = None

    @classmethod
    def blank(
        cls, workspace: Workspace, channels: Iterable[Channel], parents: Parents | None = None
    ) -> Self:
        """Return the form of a new monitor, or what was typed into it."""
        channels = list(channels)
        defaults = [channel.id for channel in channels if channel.is_default]
        form = cls(time_zone=workspace.time_zone, channels=defaults)
        form.offer(channels)
        form.offer_parents(parents or Parents())
        return form

    @classmethod
    def of(
        cls,
        monitor: Monitor,
        used: Iterable[Channel],
        channels: Iterable[Channel],
        parents: Parents,
    ) -> Self:
        """Return the form that shows `monitor`, or what was typed into it."""
        form = cls(
            name=monitor.name,
            tags=" ".join(monitor.tags),
            kind=monitor.schedule_kind,
            time_zone=monitor.time_zone,
            grace=format_duration(monitor.grace),
            channels=[channel.id for channel in used],
            urgent=monitor.urgent,
            slug=monitor.slug or "",
            max_runtime=_span(monitor.max_runtime),
            stall_after=_span(monitor.stall_after),
            sticky_pause=monitor.sticky_pause,
            post_only=monitor.post_only,
            allowed_networks="\n".join(map(short_network, monitor.allowed_networks)),
            mask_secrets=monitor.mask_secrets,
            **cls.noise_of(monitor, parents.chosen, parents.typed),
            **_schedule_texts(monitor),
            **_keyword_values(monitor.keywords),
        )
        form.offer(channels)
        form.offer_parents(parents)
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
        self._make_keywords()
        self.read_patience()
        return bool(fine) and not self.errors

    def read_schedule(self) -> None:
        """Set `schedule` from what is typed; None, with the reason beside its field, if refused."""
        self.time_zone.validate(self)
        self._make_schedule()

    def read_keywords(self) -> None:
        """Set `keywords` from what is typed; None if there are none, or they are refused."""
        for name in WORDS:
            self[name].validate(self)
        self._make_keywords()

    @property
    def seldom(self) -> bool:
        """Whether anything but what everybody decides is set, or wrong."""
        named = self.slug.data not in ("", slug_of(self.name.data or ""))
        fields = [self[name] for name in SELDOM]
        changed = any(field.data != field.default for field in fields)
        return named or changed or any(field.errors for field in (self.slug, *fields))

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
        schedule, grace = self.schedule, self.grace.value
        longest, stall = self.max_runtime.value, self.stall_after.value
        if schedule is None or grace is None:
            return
        if not _tried(self.grace, lambda _: Rules(schedule, grace)):
            return
        if _tried(self.max_runtime, lambda _: Rules(schedule, grace, longest)):
            successes = self.successes
            self.rules = _tried(
                self.stall_after, lambda _: Rules(schedule, grace, longest, stall, successes)
            )

    def _make_keywords(self) -> None:
        words = {name: self[name].value for name in WORDS if self[name].value}
        if not words and not self._missing_words:
            return
        try:
            self.keywords = Keywords(
                **words,
                match_case=self.match_case.data,
                in_subject=self.in_subject.data,
                in_body=self.in_body.data,
                otherwise=self.otherwise.data,
            )
        except InvalidKeywords as error:
            beside = self.in_subject if words else self.failure
            beside.errors = [*beside.errors, str(error)]

    @property
    def _missing_words(self) -> bool:
        """Whether what has no effect without words was set. What was set before may stay."""
        refused = any(self[name].errors for name in WORDS)
        return not refused and any(self[name].data != self[name].object_data for name in WITH_WORDS)

    @property
    def values(self) -> MonitorValues:
        """What the form says, once `validate` said that it is fine."""
        assert self.rules is not None
        assert self.patience is not None
        return MonitorValues(
            name=self.name.value,
            rules=self.rules,
            time_zone=self.time_zone.value.key,
            tags=self.tags.value,
            channel_ids=tuple(self.channels.data),
            slug=self.slug.value,
            post_only=self.post_only.data,
            sticky_pause=self.sticky_pause.data,
            mask_secrets=self.mask_secrets.data,
            urgent=self.urgent.data,
            allowed_networks=self.allowed_networks.value,
            keywords=self.keywords,
            patience=self.patience,
            parents=self.chosen_parents,
        )


def _schedule_texts(monitor: Monitor) -> dict[str, str]:
    if monitor.period is not None:
        return {"period": format_duration(monitor.period)}
    return {monitor.schedule_kind: monitor.expression or ""}


def _span(length: timedelta | None) -> str:
    return "" if length is None else format_duration(length)


def _keyword_values(keywords: Keywords | None) -> dict[str, Any]:
    if keywords is None:
        return {}
    return {
        **{name: "\n".join(getattr(keywords, name)) for name in WORDS},
        "in_subject": keywords.in_subject,
        "in_body": keywords.in_body,
        "match_case": keywords.match_case,
        "otherwise": keywords.otherwise,
    }


def _tried(field: StringField, make: Callable[[str], Any]) -> Any:
    """Return what `make` makes of the field's text, or None with the reason beside the field."""
    try:
        return make((field.data or "").strip())
    except EarlywatchError as error:
        field.errors = [*field.errors, str(error)]
        return None
