"""The errors that Stripe answers with."""

from typing import Any


class Refused(Exception):
    """An answer other than 200: HTTP status, and the `error` object of the body."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        kind: str = "invalid_request_error",
        **details: str | None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"type": kind, "message": message} | {
            name: value for name, value in details.items() if value is not None
        }


def no_such(what: str, key: str, param: str = "id") -> Refused:
    """Return the 404 for an object that is not there."""
    words = what.replace("_", " ").replace(".", " ")
    return Refused(f"No such {words}: '{key}'", 404, param=param, code="resource_missing")


def card_refused(code: str, message: str, decline_code: str | None = None) -> Refused:
    """Return the 402 for a card that did not pay."""
    return Refused(message, 402, "card_error", code=code, decline_code=decline_code)
