"""Which kinds of channels there are, and what each of them knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.sms import Sms
from earlywatch.domain.alert import Alert
from earlywatch.errors import EarlywatchError, NotFound


@dataclass(frozen=True)
class Doors:
    """The ways out of the house; `sms` is None when Twilio is not configured."""

    http: Http
    mail: Mailer
    sms: Sms | None


@dataclass(frozen=True)
class Field:
    """One thing a person types to set up a channel; its help stands in the form template."""

    name: str
    label: str
    type: Literal["email", "url", "tel"]  # of the HTML input
    autocomplete: str = "off"


class ChannelError(EarlywatchError):
    """A message was not accepted.

    `permanent`: this place will never take one again. `retry_after`: the other side's wish.
    `timed_out`: the other side hung, and would hold up the next message as well.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        retry_after: timedelta | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.retry_after = retry_after
        self.timed_out = timed_out


class InvalidChannel(EarlywatchError):
    """What was typed does not make a channel; `field` names the input to correct."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


Send = Callable[[dict[str, Any], Alert, Doors], str]
Check = Callable[[Mapping[str, str], Doors], dict[str, Any]]
Summary = Callable[[dict[str, Any]], str]
Available = Callable[[Doors], bool]


@dataclass(frozen=True)
class Kind:
    """A kind of channel.

    `send` returns the other side's answer for people to read, or raises ChannelError. `check`
    turns what was typed into a config, or raises InvalidChannel. `summary` says in a few words
    where a config leads, with no secret in it. `proof` says how its owner confirms it;
    `available`, whether this installation can send it.
    """

    name: str
    label: str
    proof: Literal["link", "code"]
    fields: tuple[Field, ...]
    send: Send
    check: Check
    summary: Summary
    available: Available


_kinds: dict[str, Kind] = {}


def channel(
    name: str,
    *,
    label: str,
    proof: Literal["link", "code"],
    fields: tuple[Field, ...],
    check: Check,
    summary: Summary,
    available: Available = lambda _doors: True,
) -> Callable[[Send], Send]:
    """Register the decorated function as the sender of a kind."""

    def register(send: Send) -> Send:
        _kinds[name] = Kind(name, label, proof, fields, send, check, summary, available)
        return send

    return register


def kind(name: str) -> Kind:
    """Return the kind of this name. Raises NotFound."""
    try:
        return _kinds[name]
    except KeyError:
        raise NotFound("There is no such kind of channel.") from None


def kinds() -> list[Kind]:
    """Return every kind, by label."""
    return sorted(_kinds.values(), key=lambda kind: kind.label.casefold())
