"""The forms of signing up, signing in and one's own account."""

from typing import Any

from wtforms import BooleanField, EmailField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired

from earlywatch.errors import EarlywatchError
from earlywatch.services.emails import LONGEST_EMAIL, clean_email
from earlywatch.services.passwords import LONGEST, SHORTEST
from earlywatch.web.forms import Form, at_most

LONGEST_ZONE = 100  # characters
NAMED = InputRequired("Fill in your email address.")
GIVEN = InputRequired("Fill in the password.")


def _is_address(_form: Form, field: Any) -> None:
    try:
        clean_email(field.data)
    except EarlywatchError as error:
        raise ValidationError(str(error)) from None


def _email_field() -> Any:
    return EmailField(
        "Email address",
        [NAMED, _is_address],
        render_kw={"autocomplete": "username", "maxlength": LONGEST_EMAIL},
    )


def _new_password_field(label: str) -> Any:
    kw = {"autocomplete": "new-password", "minlength": SHORTEST}
    return PasswordField(label, [GIVEN, at_most(LONGEST)], render_kw=kw)


def _password_field(label: str) -> Any:
    kw = {"autocomplete": "current-password"}
    return PasswordField(label, [GIVEN, at_most(LONGEST)], render_kw=kw)


class SignUpForm(Form):
    """Who wants an account."""

    email = _email_field()
    password = _new_password_field("Password")


class SignInForm(Form):
    """Who says to have an account."""

    email = EmailField(
        "Email address",
        [NAMED, at_most(LONGEST_EMAIL)],
        render_kw={"autocomplete": "username"},
    )
    password = _password_field("Password")
    remember = BooleanField("Keep me signed in on this device")


class ConfirmForm(Form):
    """A button: opening the link alone must not use it up, mail scanners open links."""


class ConfirmElsewhereForm(Form):
    """For a link opened in another browser than the one that signed up."""

    password = _password_field("The password you chose")


class ForgottenForm(Form):
    """Who cannot sign in any more."""

    email = _email_field()


class NewPasswordForm(Form):
    """A password in place of the forgotten one."""

    password = _new_password_field("New password")


class ChangePasswordForm(Form):
    """A password in place of a known one."""

    old = _password_field("Present password")
    new = _new_password_field("New password")


class TimeZoneForm(Form):
    """In which zone the workspace reads its times."""

    time_zone = StringField(
        "Time zone",
        [InputRequired("Fill in a time zone, for example Europe/Berlin."), at_most(LONGEST_ZONE)],
        render_kw={"autocomplete": "off", "list": "zones", "spellcheck": "false"},
    )


def refuse(field: Any, error: EarlywatchError) -> None:
    """Show what a service said about a field beside it."""
    field.errors = [*field.errors, str(error)]
