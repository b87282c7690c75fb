"""Pages that a signed link opens for whoever holds it, without signing in."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import make_response
from flask.typing import ResponseReturnValue

from earlywatch.web.limits import limiter

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

_looks = limiter.shared_limit("300/minute", "link-looks", methods=["GET", "HEAD"])
_presses = limiter.shared_limit("60/minute", "link-presses", methods=["POST"])


def link_page(view: View[P]) -> View[P]:
    """Keep the address secret, which is all the right there is, and see that none is guessed.

    Goes beneath the guard. Opening such a page changes nothing: scanners of mail open links.
    """

    @wraps(view)
    def kept(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        response = make_response(view(*args, **kwargs))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    limited: View[P] = _looks(_presses(kept))
    return limited
