"""Does an object look as the SDK says Stripe's objects look?"""

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe import ListObject, StripeObject

PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (int, float),
}
KNOWN: dict[type[StripeObject], dict[str, Any]] = {}


def _fields(kind: type[StripeObject]) -> dict[str, Any]:
    """Return the types of the fields of a class of the SDK."""
    if kind in KNOWN:
        return KNOWN[kind]
    own = {
        name: hint
        for name, hint in vars(kind).get("__annotations__", {}).items()
        if not name.startswith("_") and name != "OBJECT_NAME"
    }
    holder = type("Holder", (), {"__annotations__": own})
    names = {**vars(stripe), **vars(sys.modules[kind.__module__])}
    names |= {name: getattr(stripe, name, _missing) for name in _mentioned(own)}
    KNOWN[kind] = get_type_hints(holder, names, vars(kind))
    return KNOWN[kind]


class _missing:  # noqa: N801 - stands for classes that the SDK names but never loads here
    pass


def _mentioned(own: dict[str, Any]) -> Iterator[str]:
    """Yield the class names that annotations mention as text; the SDK loads them when asked."""
    for hint in own.values():
        if isinstance(hint, str):
            yield hint
        yield from re.findall(r"ForwardRef\('(\w+)'\)", str(hint))


def faults(obj: Any, kind: type[StripeObject], path: str = "") -> list[str]:
    """Return what is wrong with a plain object, in words; nothing if it fits the class."""
    fields = _fields(kind)
    found = [f"{path}{name}: no such field" for name in obj if name not in fields]
    for name, hint in fields.items():
        if name in obj:
            found += _value_faults(obj[name], _alternatives(hint), f"{path}{name}")
        elif NoneType not in _alternatives(hint):
            found.append(f"{path}{name}: missing")
    return found


def _alternatives(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, UnionType):
        return [one for inner in get_args(hint) for one in _alternatives(inner)]
    return [hint]


def _value_faults(value: Any, hints: list[Any], path: str) -> list[str]:
    if value is None:
        return [] if NoneType in hints else [f"{path}: is null"]
    if isinstance(value, dict):
        return _dict_faults(value, hints, path)
    if isinstance(value, list):
        inner = [get_args(hint)[0] for hint in hints if get_origin(hint) is list]
        if not inner:
            return [f"{path}: is a list"]
        return [
            fault
            for number, one in enumerate(value)
            for fault in _value_faults(one, _alternatives(inner[0]), f"{path}.{number}")
        ]
    return [] if any(_fits(value, hint) for hint in hints) else [f"{path}: {value!r}"]


def _dict_faults(value: dict[str, Any], hints: list[Any], path: str) -> list[str]:
    for hint in hints:
        if get_origin(hint) is ListObject:
            kinds = _alternatives(get_args(hint)[0])
            return _value_faults(value["data"], [list[kinds[0]]], path)  # type: ignore[valid-type]
        if isinstance(hint, type) and issubclass(hint, StripeObject):
            return faults(value, hint, f"{path}.")
    typed = [hint for hint in hints if get_origin(hint) is not None]
    return [] if typed or _missing in hints or hints == [StripeObject] else [f"{path}: an object"]


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if getattr(hint, "__name__", "") == "Decimal":
        return isinstance(value, str | Decimal)  # text on the wire
    if isinstance(value, bool) and hint is not bool:
        return False
    return isinstance(value, PLAIN.get(hint, ()))
