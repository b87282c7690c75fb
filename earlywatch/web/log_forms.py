"""The form that narrows the log of pings. It is part of the address, and changes nothing."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from wtforms import Form, SearchField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError
from wtforms.widgets import DateInput

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.zone import InvalidSchedule, find_zone, instant
from earlywatch.errors import EarlywatchError
from earlywatch.models import Monitor
from earlywatch.services.ping_log import Search
from earlywatch.services.texts import printable
from earlywatch.web.forms import at_most
from earlywatch.web.reads import Reads

LONGEST_WORDS = 100
YEARS = range(2000, 2200)  # no ping is from others, and a zone's clock must be known there
A_DAY = timedelta(days=1)
KINDS = {
    PingKind.SUCCESS: "Success",
    PingKind.START: "Start",
    PingKind.FAIL: "Failure",
    PingKind.LOG: "Log",
    PingKind.IGNORED: "Ignored",
}


class InvalidSearch(EarlywatchError):
    """Something that cannot be looked for."""


def read_day(text: str) -> date:
    """Return the day that `text` is: "2026-11-20". Raises InvalidSearch."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidSearch("Write the day like 2026-11-20.") from None
    if day.year not in YEARS:
        raise InvalidSearch("There are no pings of that year.")
    return day


def read_run_id(text: str) -> UUID:
    """Return the run id. Raises InvalidSearch."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidSearch("Write the whole run id: 32 digits and letters a to f.") from None


def clean(text: str | None) -> str:
    """Return `text` without what can be neither shown nor found."""
    return "".join(letter for letter in text or "" if printable(letter)).strip()


def zone_of(monitor: Monitor) -> ZoneInfo:
    """Return the zone of a monitor's days; UTC if it was dropped from the time zone data."""
    try:
        return find_zone(monitor.time_zone)
    except InvalidSchedule:
        return ZoneInfo("UTC")


def day_after(at: datetime, zone: ZoneInfo) -> date:
    """Return the day after that of `at` in the zone."""
    return at.astimezone(zone).date() + A_DAY


def _text(label: str, parse: Callable[[str], Any], **options: Any) -> StringField:
    return StringField(label, [Reads(parse, optional=True)], filters=[clean], **options)


class LogForm(Form):
    """What to show of the log."""

    q = SearchField("Text", [at_most(LONGEST_WORDS)], filters=[clean])
    first = _text("From", read_day, name="from", widget=DateInput())
    until = _text("Until", read_day, widget=DateInput())
    kind = SelectMultipleField(
        "Kinds",
        choices=[SelectChoice(kind.value, word) for kind, word in KINDS.items()],
        filters=[lambda kinds: [kind for kind in kinds or () if kind in KINDS]],
    )
    run = _text("Run id", read_run_id)

    def validate_until(self, field: Any) -> None:
        """Refuse a span that ends before it begins; WTForms calls this."""
        first, until = getattr(self.first, "value", None), field.value
        if first and until and first > until:
            raise ValidationError("This day is before the first one.")

    def search(self, zone: ZoneInfo) -> Search | None:
        """Return what is asked for, its days in the zone; None if that cannot be read."""
        if not self.validate():
            return None
        kinds = frozenset(map(PingKind, self.kind.data))
        return Search(
            kinds=kinds if len(kinds) < len(PingKind) else frozenset(),
            start=_midnight(self.first.value, zone),
            end=_midnight(self.until.value and self.until.value + A_DAY, zone),
            words=self.q.data,
            run_id=self.run.value,
        )

    def query(self) -> dict[str, Any]:
        """Return what an address needs to ask the same."""
        return {field.name: field.data for field in self if field.data}


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return instant(datetime.combine(day, time.min), zone) if day else None
