"""When a channel may be disturbed: its quiet hours and its digest."""

from typing import Any, Self

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from earlywatch.db import db, transaction
from earlywatch.domain.duration import format_duration
from earlywatch.domain.quiet import Quiet
from earlywatch.domain.zone import find_zone, zone_names
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel, Workspace
from earlywatch.services import channel_hours, channels
from earlywatch.services.channel_hours import DIGESTS, ChannelHours
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.hour_fields import clock_field, days_field
from earlywatch.web.paths import ID
from earlywatch.web.reads import Reads
from earlywatch.web.roles import editor

AT_ONCE = ""
EVERY = {format_duration(every): every for every in DIGESTS}

bp = Blueprint("channel_hours", __name__, url_prefix="/channels")


@bp.app_template_filter()
def quiet_words(channel: Channel) -> str:
    """Return the quiet hours of a channel in words; empty if it has none."""
    try:
        quiet = channel_hours.quiet_of(channel)
    except EarlywatchError:
        return ""
    return quiet.words() if quiet else ""


class HoursForm(Form):
    """What an owner decides about the hours of a channel. `hours` is what it says."""

    is_quiet = BooleanField("Keep quiet hours")
    from_ = clock_field("From", optional=True)
    until = clock_field("Until", optional=True)
    zone = StringField("Time zone", [Reads(find_zone)])
    days = days_field("Days")
    urgent_breaks_through = BooleanField("Urgent alerts break through")
    digest = SelectField(
        "Digest",
        choices=[
            SelectChoice(AT_ONCE, "Off: each alert at once"),
            *[SelectChoice(words, f"Together, every {words}") for words in EVERY],
        ],
    )

    hours: ChannelHours | None = None

    @classmethod
    def of(cls, channel: Channel, workspace: Workspace) -> Self:
        """Return the form that shows a channel, or what was typed into it."""
        every = channel.digest_every
        from_, until = channel.quiet_from, channel.quiet_until
        return cls(
            is_quiet=from_ is not None,
            from_=f"{from_:%H:%M}" if from_ else "22:00",
            until=f"{until:%H:%M}" if until else "07:00",
            zone=channel.quiet_zone or workspace.time_zone,
            days=channel.quiet_days,
            urgent_breaks_through=channel.urgent_breaks_through,
            digest=format_duration(every) if every else AT_ONCE,
        )

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and that together they make hours that can be kept."""
        fine = super().validate(extra_validators)
        quiet = self._quiet() if self.is_quiet.data else None
        self.hours = ChannelHours(
            quiet, self.urgent_breaks_through.data, EVERY.get(self.digest.data or AT_ONCE)
        )
        return bool(fine) and not self.errors

    def _quiet(self) -> Quiet | None:
        for field in (self.from_, self.until):
            if field.value is None and not field.errors:
                field.errors = ["Write the time like 22:00."]
        if self.errors:
            return None
        days = tuple(sorted(self.days.data or ()))
        try:
            return Quiet(self.from_.value, self.until.value, self.zone.value.key, days)
        except EarlywatchError as error:
            self.until.errors = [str(error)]
            return None


@bp.route(f"/<{ID}:channel_id>/hours", methods=["GET", "POST"])
@member_only
@editor
def edit(channel_id: int) -> ResponseReturnValue:
    """Show and change the hours of a channel."""
    channel = channels.find_channel(db.session(), g.workspace, channel_id)
    form = HoursForm.of(channel, g.workspace)
    if not form.validate_on_submit():
        return render_template(
            "channels/hours.html", form=form, channel=channel, zones=zone_names()
        )
    assert form.hours
    with transaction() as session:
        locked = channels.lock_channel(session, g.workspace, channel_id)
        channel_hours.set_hours(locked, form.hours)
    flash("Saved. It counts for what is told from now on.", "ok")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)
