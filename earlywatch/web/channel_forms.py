"""The forms of channels: the fields of a kind, and what all kinds share."""

from typing import Any

from wtforms import BooleanField, EmailField, StringField, TelField, URLField

from earlywatch.channels.registry import Doors, InvalidChannel, Kind
from earlywatch.models import Channel
from earlywatch.services.channels import ChannelValues, clean_channel_name
from earlywatch.web.account_forms import refuse
from earlywatch.web.forms import Form
from earlywatch.web.reads import Reads

INPUTS = {"email": EmailField, "url": URLField, "tel": TelField}


class ChannelForm(Form):
    """What all channels have. `form_for` adds the fields of the kind."""

    name = StringField("Name", [Reads(clean_channel_name)])
    is_default = BooleanField("Use it for new monitors", default=True)
    everywhere = BooleanField("Use it for all monitors there are", default=True)

    kind: Kind

    def read(self, doors: Doors) -> ChannelValues | None:
        """Return what was sent, or None with the reasons beside the fields, also when not sent."""
        if not self.validate_on_submit():
            return None
        typed = {field.name: self[field.name].data or "" for field in self.kind.fields}
        try:
            config = self.kind.check(typed, doors)
        except InvalidChannel as error:
            refuse(self[error.field], error)
            return None
        return ChannelValues(self.name.value, config, self.is_default.data)


class CodeForm(Form):
    """The code that came by text message."""

    code = StringField("Code", render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"})


def form_for(kind: Kind, channel: Channel | None = None) -> ChannelForm:
    """Return the form of a new channel of this kind, or of `channel`, or what was typed."""
    fields: dict[str, Any] = {
        field.name: INPUTS[field.type](
            field.label, render_kw={"autocomplete": field.autocomplete, "spellcheck": "false"}
        )
        for field in kind.fields
    }
    form_class: type[ChannelForm] = type(
        f"{kind.name.title()}Form", (ChannelForm,), {**fields, "kind": kind}
    )
    if channel is None:
        return form_class()
    return form_class(name=channel.name, is_default=channel.is_default, **channel.config)
