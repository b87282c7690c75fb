"""Who may call: whoever proves it with the call itself. No session is read, none is begun."""

from collections.abc import Callable

from flask.typing import ResponseReturnValue

View = Callable[..., ResponseReturnValue]


def signed_call(view: View) -> View:
    """Mark a view that checks the provider's signature before it believes a word."""
    view.guard = "signed_call"  # type: ignore[attr-defined]  # read by the house rules
    return view
