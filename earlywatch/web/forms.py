"""What all our forms have in common."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms.validators import Length


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


def at_most(longest: int) -> Length:
    """Return the validator that refuses more than `longest` characters."""
    return Length(max=longest, message=f"Write at most {longest} characters.")


def _showable(text: str) -> str:
    """Return `text` without NUL, which neither PostgreSQL nor HTML can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
