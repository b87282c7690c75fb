"""One call of the API: its path, the SDK's type of its parameters, and what answers it."""

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.fakes.stripe.state import Obj, State

Call = Callable[..., Obj | list[Obj]]
Many = Callable[..., list[Obj]]


class Route(NamedTuple):
    """One call of the API; `{}` in its path stands for an id."""

    method: str
    path: str
    params: type
    call: Call

    def ids(self, method: str, path: str) -> tuple[str, ...] | None:
        """Return the ids in the path, None if this is another call."""
        pattern = re.escape(self.path).replace(r"\{\}", "([^/]+)")
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groups() if found else None


def get_one(kind: str) -> Call:
    """Return the call that shows one object."""

    def retrieve(state: State, _params: Obj, key: str) -> Obj:
        return state.get(kind, key)

    return retrieve


def get_all(kind: str) -> Many:
    """Return the call that lists objects of a kind."""

    def listed(state: State, _params: Obj) -> list[Obj]:
        return state.all(kind)

    return listed
