"""How the address of an account is spelt."""

from email_validator import EmailNotValidError, validate_email

from earlywatch.errors import EarlywatchError

LONGEST_EMAIL = 254  # characters; no mail server takes more


class InvalidEmail(EarlywatchError):
    """What was typed is no email address that we could write to."""


def clean_email(typed: str) -> str:
    """Return the one spelling under which an address is stored. Raises InvalidEmail."""
    typed = typed.strip()
    # Looked at first: normalising takes the square of the length, for all threads.
    if len(typed) > LONGEST_EMAIL:
        raise InvalidEmail("This is not an email address: it is too long.")
    try:
        found = validate_email(typed, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidEmail(f"This is not an email address: {_sentence(str(error))}") from None
    if found.smtputf8:  # few mail servers take these, so alerts would be lost
        raise InvalidEmail(
            "We cannot write to this address: before the @ there may be no accents, and only"
            " letters from a to z."
        )
    return found.normalized.lower()


def known_spelling(typed: str) -> str:
    """Return how an account with this address is looked up, for any text.

    What is no address today may have been one to an older release: it stays as it was typed.
    """
    try:
        return clean_email(typed)
    except InvalidEmail:
        return typed.strip().lower()


def _sentence(text: str) -> str:
    text = text.rstrip(".")
    return f"{text[:1].lower()}{text[1:]}."
