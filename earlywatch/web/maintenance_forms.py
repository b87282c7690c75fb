"""The form of a maintenance window: texts in, `MaintenanceValues` out."""

from datetime import date, datetime, time
from typing import Any, Self
from zoneinfo import ZoneInfo

from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import DateInput

from earlywatch.domain.cron import Cron
from earlywatch.domain.duration import format_duration
from earlywatch.domain.windows import Begins, Once, Weekly, Window
from earlywatch.domain.zone import InvalidSchedule, find_zone, instant, wall_time
from earlywatch.errors import EarlywatchError
from earlywatch.models import Maintenance, Workspace
from earlywatch.models.maintenance import Recurrence
from earlywatch.services.maintenance_edits import MaintenanceValues, clean_window_name
from earlywatch.services.monitors import clean_tags
from earlywatch.web.forms import Form
from earlywatch.web.hour_fields import InvalidText, clock_field, days_field, read_minutes
from earlywatch.web.reads import Reads

YEARS = range(2000, 2100)  # whose clock changes are known well enough
KINDS = [
    SelectChoice(Recurrence.ONCE.value, "Once"),
    SelectChoice(Recurrence.WEEKLY.value, "Weekly"),
    SelectChoice(Recurrence.CRON.value, "Cron"),
]


def read_date(text: str) -> date:
    """Return the day that `text` is: "2026-11-20". Raises InvalidText."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidText("Write the day like 2026-11-20.") from None
    if day.year not in YEARS:
        raise InvalidText("Choose a day of this century.")
    return day


class MaintenanceForm(Form):
    """What an owner types about a window. `window` is what it says, None while it says none."""

    name = StringField("Name", [Reads(clean_window_name)])
    tags = StringField("Tags", [Reads(clean_tags)], default="")
    recurrence = RadioField("When", choices=KINDS, default=Recurrence.ONCE.value)
    day = StringField("Day", [Reads(read_date, optional=True)], widget=DateInput())
    at = clock_field("Time", optional=True)
    weekdays = days_field("Days")
    starts = clock_field("Begins at", optional=True)
    expression = StringField("Cron expression", default="")
    length = StringField("For how long", [Reads(read_minutes)], default="1 h")
    time_zone = StringField("Time zone", [Reads(find_zone)])

    window: Window | None = None
    monitor_id: int | None = None  # kept when a window of one monitor is changed
    ended_at: datetime | None = None

    @classmethod
    def blank(cls, workspace: Workspace, now: datetime) -> Self:
        """Return the form of a new window, or what was typed into it."""
        return cls(time_zone=workspace.time_zone, **_moment(now, workspace.time_zone))

    @classmethod
    def of(cls, row: Maintenance) -> Self:
        """Return the form that shows a window, or what was typed into it."""
        once = _moment(row.starts_at, row.time_zone) if row.starts_at else {}
        form = cls(
            name=row.name,
            tags=" ".join(row.tags),
            recurrence=row.recurrence,
            weekdays=row.weekdays,
            starts=f"{row.starts:%H:%M}" if row.starts else "",
            expression=row.expression or "",
            length=format_duration(row.length),
            time_zone=row.time_zone,
            **once,
        )
        form.monitor_id, form.ended_at = row.monitor_id, row.ended_at
        return form

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and that together they make a window that can be kept."""
        fine = super().validate(extra_validators)
        self._make_window()
        return bool(fine) and not self.errors

    def read_shown(self) -> None:
        """Set `window` from what the form shows before anything was sent."""
        for name in (each for each in self.data if each != "csrf_token"):
            self[name].validate(self)
            self[name].errors = []
        self._make_window()
        for name in self.data:
            self[name].errors = []

    def refuse_past(self, now: datetime) -> bool:
        """Tell whether the window is over at `now` (UTC); say so beside its day or length."""
        window = self.window
        over = window is not None and not window.next_windows(now, 1)
        if over:
            self._refuse("day", "This window would have ended already.")
        return over

    @property
    def refusals(self) -> list[str]:
        """What is wrong with the times that were typed."""
        names = ("time_zone", "length", "day", "at", "starts", "expression")
        return [str(error) for name in names for error in self[name].errors]

    @property
    def values(self) -> MaintenanceValues:
        """What the form says, once `validate` said that it is fine."""
        assert self.window is not None
        return MaintenanceValues(self.name.value, self.window, self.tags.value, self.monitor_id)

    def _make_window(self) -> None:
        zone, length = self.time_zone.value, self.length.value
        begins = self._begins(zone) if zone is not None else None
        if begins is None or length is None:
            return
        try:
            self.window = Window(begins, length, self._kept_end(begins))
        except EarlywatchError as error:
            self._refuse("length", str(error))

    def _kept_end(self, begins: Begins) -> datetime | None:
        """Return the end by hand of the window as it was; a single one that is moved lasts."""
        if isinstance(begins, Once) and self.ended_at and begins.starts_at > self.ended_at:
            return None
        return self.ended_at

    def _begins(self, zone: ZoneInfo) -> Begins | None:
        if self.recurrence.data == Recurrence.CRON:
            return self._cron(zone)
        if self.recurrence.data == Recurrence.WEEKLY:
            days = tuple(sorted(self.weekdays.data or ()))
            starts: time | None = self._needed("starts", "Say when it begins, for example 02:00.")
            return Weekly(days, starts, zone.key) if starts is not None else None
        day: date | None = self._needed("day", "Say on which day, for example 2026-11-20.")
        at: time | None = self._needed("at", "Say when it begins, for example 02:00.")
        if day is None or at is None:
            return None
        return Once(instant(datetime.combine(day, at), zone), zone.key)

    def _needed(self, name: str, sentence: str) -> Any:
        field = self[name]
        if field.value is None and not field.errors:
            self._refuse(name, sentence)
        return field.value

    def _cron(self, zone: ZoneInfo) -> Cron | None:
        try:
            return Cron((self.expression.data or "").strip(), zone.key)
        except EarlywatchError as error:
            self._refuse("expression", str(error))
            return None

    def _refuse(self, name: str, sentence: str) -> None:
        self[name].errors = [*self[name].errors, sentence]


def _moment(at: datetime, time_zone: str) -> dict[str, str]:
    """Return day and time of a moment on the clock of the zone."""
    try:
        wall = wall_time(at, find_zone(time_zone))
    except InvalidSchedule:
        return {}
    return {"day": f"{wall:%Y-%m-%d}", "at": f"{wall:%H:%M}"}
