"""What a workspace decides about all its alerts."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from earlywatch.db import db, transaction
from earlywatch.domain.duration import format_duration
from earlywatch.models import Channel
from earlywatch.services import alert_settings
from earlywatch.services.alert_settings import (
    AlertSettings,
    InvalidSettings,
    check_after,
    check_fold,
)
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.hour_fields import read_count, read_minutes
from earlywatch.web.reads import Reads
from earlywatch.web.roles import editor

NOBODY = ""
FOLD_FROM = 3

bp = Blueprint("alert_settings", __name__, url_prefix="/alert-settings")


def _read_after(text: str) -> timedelta:
    return check_after(read_minutes(text))


def _read_fold(text: str) -> int:
    return check_fold(read_count(text))


class SettingsForm(Form):
    """What an owner decides about all alerts."""

    fallback = SelectField("Fallback channel")
    after = StringField("After how long", [Reads(_read_after)])
    folds = BooleanField("Tell them together")
    fold_from = StringField("From how many monitors on", [Reads(_read_fold)])
    drill_weekly = BooleanField("Run a fire drill every week")

    @property
    def values(self) -> AlertSettings:
        """What the form says, once `validate` said that it is fine."""
        return AlertSettings(
            fallback_channel_id=int(self.fallback.data) if self.fallback.data else None,
            fallback_after=self.after.value,
            fold_from=self.fold_from.value if self.folds.data else None,
            drill_weekly=self.drill_weekly.data,
        )


@bp.route("", methods=["GET", "POST"])
@member_only
@editor
def edit() -> ResponseReturnValue:
    """Show and change them."""
    channels = alert_settings.fallbacks(db.session(), g.workspace)
    form = _form(channels)
    if not form.validate_on_submit():
        return _page(form, channels)
    try:
        with transaction() as session:
            alert_settings.set_settings(session, g.workspace.id, form.values)
    except InvalidSettings as error:
        form.form_errors.append(str(error))
        return _page(form, channels)
    flash("Saved.", "ok")
    return redirect(url_for("alert_settings.edit"), 303)


def _form(channels: Sequence[Channel]) -> SettingsForm:
    workspace = g.workspace
    form = SettingsForm(
        fallback=str(workspace.fallback_channel_id or NOBODY),
        after=format_duration(workspace.fallback_after),
        folds=workspace.fold_from is not None,
        fold_from=str(workspace.fold_from or FOLD_FROM),
        drill_weekly=workspace.drill_weekly,
    )
    named = [SelectChoice(str(channel.id), channel.name) for channel in channels]
    form.fallback.choices = [SelectChoice(NOBODY, "None"), *named]
    return form


def _page(form: SettingsForm, channels: Sequence[Channel]) -> str:
    chosen = g.workspace.fallback_channel_id
    fallback = next((each for each in channels if each.id == chosen), None)
    return render_template("alert_settings/edit.html", form=form, fallback=fallback)
