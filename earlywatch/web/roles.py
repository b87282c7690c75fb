"""What a member of a workspace may do."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, g
from flask.typing import ResponseReturnValue

from earlywatch.models.workspace import Role

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


def may_edit() -> bool:
    """Tell whether the signed-in member may change things, not only look."""
    return bool(g.member.role != Role.VIEWER)


def editor(view: View[P]) -> View[P]:
    """Answer 403 to viewers. Goes beneath `member_only`, which knows the member."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not may_edit():
            abort(403)
        return view(*args, **kwargs)

    return checked
