"""What a member of a workspace may do."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, g, render_template
from flask.typing import ResponseReturnValue

from earlywatch.models.workspace import Role
from earlywatch.services.treasurers import TREASURERS

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


def may_manage() -> bool:
    """Tell whether the signed-in member may act on the bill and on the key of the workspace."""
    return g.member.role in TREASURERS


def _managers(act: str) -> Callable[[View[P]], View[P]]:
    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if not may_manage():
                sentence = f"Only owners and admins of {g.workspace.name} may {act}."
                return render_template("errors/403.html", sentence=sentence), 403
            return view(*args, **kwargs)

        return checked

    return guard


# Answer 403 to everybody else. They go beneath `member_only`, which knows the member.
treasurer = _managers("act on its bill")
keeper = _managers("change its ping key")
