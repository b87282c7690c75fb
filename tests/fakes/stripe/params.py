"""Are these parameters Stripe's? Checked against the SDK's own types, all the way down."""

import re
import sys
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

from tests.fakes.stripe.errors import Refused

WHOLE = re.compile(r"-?\d{1,18}")
DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,12})?")
LONGEST_TEXT = 5000  # characters
# "" clears them at Stripe too, as its support says; the SDK's types do not know.
CLEARED = {"default_payment_method", "invoice_settings[default_payment_method]"}
MAPPINGS = (dict, UntypedStripeObject)


def check(kind: type, raw: dict[str, Any], inside: str = "") -> dict[str, Any]:
    """Return the parameters with numbers and booleans as such.

    `kind` is a TypedDict of `stripe.params`. Raises Refused as Stripe would.
    """
    hints = _hints(kind)
    for name in raw:
        if name not in hints:
            path = _path(inside, name)
            raise Refused(
                f"Received unknown parameter: {path}", param=path, code="parameter_unknown"
            )
    for name in sorted(_required(kind)):
        if name not in raw:
            path = _path(inside, name)
            raise Refused(f"Missing required param: {path}.", param=path, code="parameter_missing")
    return {name: _accept(hints[name], raw[name], _path(inside, name)) for name in raw}


def _path(inside: str, name: str) -> str:
    return f"{inside}[{name}]" if inside else name


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a TypedDict's own keys, without the SDK's request options."""
    own = {
        name: hint
        for name, hint in kind.__annotations__.items()
        if name not in RequestOptions.__annotations__
    }
    holder = type("Holder", (), {"__annotations__": own})
    return get_type_hints(holder, vars(sys.modules[kind.__module__]))


def _required(kind: type) -> frozenset[str]:
    required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    return required


def _alternatives(hint: Any) -> list[Any]:
    """Return what a value may be, without the wrapping."""
    if get_origin(hint) in (Union, UnionType, NotRequired, Required):
        return [one for inner in get_args(hint) for one in _alternatives(inner)]
    return [hint]


def _accept(hint: Any, value: Any, path: str) -> Any:
    alternatives = _alternatives(hint)
    if not isinstance(value, dict):
        return _scalar(alternatives, value, path)
    for one in alternatives:
        if is_typeddict(one):
            return check(one, value, path)
        if get_origin(one) is list:
            return _listed(get_args(one)[0], value, path)
        if get_origin(one) in MAPPINGS:
            return dict(value)
    raise Refused(f"Invalid value: {path} is not an object.", param=path)


def _listed(hint: Any, value: dict[str, Any], path: str) -> list[Any]:
    if not all(position.isdecimal() for position in value):
        raise Refused("Invalid array", param=path)
    ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
    return [_accept(hint, inner, f"{path}[{position}]") for position, inner in ordered]


def _scalar(alternatives: list[Any], value: str, path: str) -> Any:
    words = [word for one in alternatives if get_origin(one) is Literal for word in get_args(one)]
    if value in words or (not value and path in CLEARED):
        return value
    if not value:
        raise Refused(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to"
            f" unset a parameter; however '{path}' cannot be unset.",
            param=path,
            code="parameter_invalid_empty",
        )
    if bool in alternatives or True in words:
        return _boolean(value, path)
    if int in alternatives and (WHOLE.fullmatch(value) or not any(words)):
        return _whole(value, path)
    if float in alternatives or Decimal in alternatives:
        return _decimal(value, path)
    return _text(alternatives, [word for word in words if word], value, path)


def _boolean(value: str, path: str) -> bool:
    if value not in ("true", "false"):
        raise Refused(f"Invalid boolean: {value}", param=path)
    return value == "true"


def _whole(value: str, path: str) -> int:
    if not WHOLE.fullmatch(value):
        raise Refused(f"Invalid integer: {value}", param=path, code="parameter_invalid_integer")
    return int(value)


def _decimal(value: str, path: str) -> float:
    if not DECIMAL.fullmatch(value):
        raise Refused(f"Invalid decimal: {value}", param=path)
    return float(value)


def _text(alternatives: list[Any], words: list[str], value: str, path: str) -> str:
    if words:
        # The SDK writes `Literal[...] | str` for what Stripe takes as one of these words.
        listed = ", ".join(words)
        raise Refused(f"Invalid {path}: must be one of {listed}", param=path)
    if str not in alternatives:
        raise Refused(f"Invalid value for {path}.", param=path)
    if len(value) > LONGEST_TEXT:
        raise Refused(f"Invalid string: {path} is too long.", param=path)
    return value
