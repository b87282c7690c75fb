"""What all our forms have in common."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput


class Form(FlaskForm):
    """A form that reads the texts that were posted, and nothing else.

    Flask-WTF would also take an uploaded file or whatever a JSON body says for a field's text.
    """

    class Meta(FlaskForm.Meta):
        """How a form finds its data."""

        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> MultiDict[str, str] | None:
            """Return what was posted; None if nothing was, or if the form was made with None."""
            if formdata is None or not form.is_submitted():
                return None
            return MultiDict((name, _showable(text)) for name, text in request.form.items(True))


class SwitchInput(CheckboxInput):
    """A box with a hidden field before it, so that a box left empty is posted as well."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return both."""
        return Markup('<input type="hidden" name="{}" value="">{}').format(
            field.name, super().__call__(field, **kwargs)
        )


class Switch(BooleanField):
    """A box whose default stands where a form does not ask for it."""

    widget = SwitchInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was posted; WTForms calls this."""
        if valuelist:
            self.data = any(valuelist)

    def _value(self) -> str:
        """Return what the box says when it is ticked: WTForms would repeat the hidden field's."""
        return "y"


def at_most(longest: int) -> Length:
    """Return the validator that refuses more than `longest` characters."""
    return Length(max=longest, message=f"Write at most {longest} characters.")


def _showable(text: str) -> str:
    """Return `text` without NUL, which neither PostgreSQL nor HTML can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
