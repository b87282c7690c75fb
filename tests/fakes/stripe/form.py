"""What the SDK sends: form-encoded names with brackets, as nested dictionaries."""

import re
from typing import Any
from urllib.parse import parse_qsl

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode(text: str) -> dict[str, Any]:
    """Return `a[b][0]=c` as {"a": {"b": {"0": "c"}}}; lists stay dictionaries of positions."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found = NAME.fullmatch(name)
        path = [found[1], *re.findall(r"\[([^\]]*)\]", found[2])] if found else [name]
        _put(result, path, value)
    return result


def _put(place: dict[str, Any], path: list[str], value: str) -> None:
    """Store a value; an empty bracket takes the next position."""
    for part in path[:-1]:
        inner = place.setdefault(part or str(len(place)), {})
        if not isinstance(inner, dict):
            inner = place[part] = {}
        place = inner
    place[path[-1] or str(len(place))] = value
