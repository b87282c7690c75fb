"""A form validator that understands a field's text with one of our own rules."""

from collections.abc import Callable
from typing import Any

from wtforms import Field, Form
from wtforms.validators import ValidationError

from earlywatch.errors import EarlywatchError


class Reads:
    """Keeps what `parse` makes of the text as `field.value`; its error is shown beside the field.

    With `optional`, empty text means None.
    """

    def __init__(self, parse: Callable[[str], Any], *, optional: bool = False) -> None:
        self.parse = parse
        self.optional = optional

    def __call__(self, _form: Form, field: Field) -> None:
        """Read the field; WTForms calls this. The value is None where the text is refused."""
        text = (field.data or "").strip()
        field.value = None
        if self.optional and not text:
            return
        try:
            field.value = self.parse(text)
        except EarlywatchError as error:
            raise ValidationError(str(error)) from None
