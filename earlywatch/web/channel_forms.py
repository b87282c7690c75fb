"""The forms of channels: the fields of a kind, and what all kinds share."""

from collections.abc import Sequence
from typing import Any

from wtforms import (
    BooleanField,
    EmailField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
    URLField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from earlywatch.channels.registry import Doors, Field, InvalidChannel, Kind
from earlywatch.models import Channel
from earlywatch.services.channels import ChannelValues, clean_channel_name
from earlywatch.web.account_forms import refuse
from earlywatch.web.forms import Form
from earlywatch.web.reads import Reads

INPUTS = {
    "text": StringField,
    "email": EmailField,
    "url": URLField,
    "tel": TelField,
    "textarea": TextAreaField,
}
KEPT = "One is kept, and not shown again. Left empty, it stays as it is."
FORGET = "forget_"  # before the name of a field: the box that throws away what is kept of it


class ChannelForm(Form):
    """What all channels have. `form_for` adds the fields of the kind."""

    name = StringField("Name", [Reads(clean_channel_name)])
    is_default = BooleanField("Use it for new monitors", default=True)
    everywhere = BooleanField("Use it for all monitors there are", default=True)

    kind: Kind
    kept: dict[str, str]  # secrets there are, by the names of their fields

    @property
    def forgettable(self) -> list[Any]:
        """The boxes that throw a secret away, for those that a kind can do without."""
        return [self[FORGET + name] for name in self.kept if FORGET + name in self]

    def read(self, doors: Doors) -> ChannelValues | None:
        """Return what was sent, or None with the reasons beside the fields, also when not sent."""
        if not self.validate_on_submit():
            return None
        typed = {field.name: self._typed(field) for field in self.kind.fields}
        try:
            config = self.kind.check(typed, doors)
        except InvalidChannel as error:
            refuse(self[error.field], error)
            return None
        return ChannelValues(self.name.value, config, self.is_default.data)

    def made_secrets(self, values: ChannelValues) -> dict[str, str]:
        """Return the secrets that nobody typed: made for this channel, by their labels."""
        return {
            field.label: values.config[field.name]
            for field in self.kind.fields
            if field.secret and not self._typed(field) and values.config.get(field.name)
        }

    def _typed(self, field: Field) -> str:
        data = self[field.name].data
        if field.type == "checkbox":
            return "on" if data else ""
        if field.type == "channels":
            return ",".join(data or ())
        typed = (data or "").replace("\r\n", "\n")
        if typed.strip() or not field.secret:
            return typed
        forgotten = FORGET + field.name in self and self[FORGET + field.name].data
        return "" if forgotten else self.kept.get(field.name, "")


class CodeForm(Form):
    """The code that came by text message."""

    code = StringField("Code", render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"})


def form_for(
    kind: Kind, channel: Channel | None = None, others: Sequence[Channel] = ()
) -> ChannelForm:
    """Return the form of a new channel of this kind, or of `channel`, or what was typed.

    `others` are the channels that a field of type `channels` lets one choose from.
    """
    config = channel.config if channel else {}
    secrets = [field for field in kind.fields if field.secret and config.get(field.name)]
    kept = {field.name: str(config[field.name]) for field in secrets}
    fields = {field.name: _input(field, others, field.name in kept) for field in kind.fields}
    boxes = {
        FORGET + field.name: BooleanField(f"Throw away the {field.label.lower()} that is kept")
        for field in secrets
        if field.optional
    }
    form_class: type[ChannelForm] = type(
        f"{kind.name.title()}Form", (ChannelForm,), {**fields, **boxes, "kind": kind, "kept": kept}
    )
    if channel is None:
        return form_class()
    open_to_see = {field.name for field in kind.fields if not field.secret}
    shown = {name: value for name, value in config.items() if name in open_to_see}
    return form_class(name=channel.name, is_default=channel.is_default, **shown)


def _input(field: Field, others: Sequence[Channel], kept: bool) -> Any:
    """Return the input of a field; WTForms makes it when it makes the form."""
    if field.type == "checkbox":
        return BooleanField(field.label, default=field.default == "on")
    if field.type == "channels":
        shown = [SelectChoice(str(channel.id), channel.name) for channel in others]
        return SelectMultipleField(field.label, choices=shown)
    if field.type == "select":
        choices = [SelectChoice(value, words) for value, words in field.choices]
        return SelectField(field.label, choices=choices, default=field.default)
    return INPUTS[field.type](
        field.label,
        [Optional()] if field.optional else [],
        description=KEPT if kept else "",
        default=field.default,
        render_kw={"autocomplete": field.autocomplete, "spellcheck": "false"},
    )
