"""Which kinds of channels there are, and what each of them knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.said import Said as Said  # noqa: PLC0414 - channels take it from here
from earlywatch.clients.sms import Sms
from earlywatch.clients.voice import Voice
from earlywatch.domain.alert import Alert
from earlywatch.errors import EarlywatchError, NotFound


@dataclass(frozen=True)
class Doors:
    """The ways out of the house; `sms` and `voice` are None when Twilio is not configured.

    `bases` are addresses of providers, by name, that stand in for the usual ones. Tokens are None
    where the operator has set none.
    """

    http: Http
    mail: Mailer
    sms: Sms | None
    bases: Mapping[str, str] = field(default_factory=dict)
    telegram_token: str | None = None
    pushover_token: str | None = None
    slack_buttons: bool = False  # Slack tells us which button was pressed
    voice: Voice | None = None

    def base(self, provider: str, usual: str) -> str:
        """Return where a provider's interface is, without a slash at its end."""
        return self.bases.get(provider, usual)


@dataclass(frozen=True)
class Field:
    """One thing a person types to set up a channel; its help stands in the form template.

    `check` gets texts: "on" or nothing of a checkbox, ids joined by commas of channels. It keeps
    each field in the config under its name, as text (a checkbox as bool, channels as a list of
    ids), so that a form can show it again. `choices` are value and words, for a select. What is
    `secret` is never shown again: left empty in an edit, it stays as it was. A change of what is
    no `target` needs no new confirmation.
    """

    name: str
    label: str
    type: Literal["email", "url", "tel", "text", "textarea", "select", "checkbox", "channels"]
    autocomplete: str = "off"
    optional: bool = False
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    secret: bool = False
    target: bool = True


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


@dataclass(frozen=True)
class Pace:
    """At most `messages` to one target in any `seconds`."""

    messages: int
    seconds: float


Proof = Literal["link", "code", "none"]
Send = Callable[[dict[str, Any], Alert, Doors], str]
Check = Callable[[Mapping[str, str], Doors], dict[str, Any]]
Summary = Callable[[dict[str, Any]], str]
Available = Callable[[Doors], bool]
Skips = Callable[[dict[str, Any], Alert], str | None]


@dataclass(frozen=True)
class Kind:
    """A kind of channel.

    `send` returns the other side's answer for people to read, or raises ChannelError. `check`
    turns what was typed into a config, or raises InvalidChannel. `summary` says in a few words
    where a config leads, with no secret in it. `proof` says how its owner confirms it, `none` that
    whoever can set it up has shown it by that; `available`, whether this installation can send it.
    `pace` is how many messages one target takes in how many seconds, None if it sets no limit.
    `needs` are the settings without which it is not available. `skips` says why an alert is not
    sent to a config at all, None if it is.
    """

    name: str
    label: str
    proof: Proof
    fields: tuple[Field, ...]
    send: Send
    check: Check
    summary: Summary
    available: Available
    pace: Pace | None = None
    needs: tuple[str, ...] = ()
    skips: Skips = lambda _config, _alert: None

    def target(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a config that says where messages go."""
        beside = {field.name for field in self.fields if not field.target}
        return {name: value for name, value in config.items() if name not in beside}


_kinds: dict[str, Kind] = {}


def channel(
    name: str,
    *,
    label: str,
    proof: Proof,
    fields: tuple[Field, ...],
    check: Check,
    summary: Summary,
    available: Available = lambda _doors: True,
    pace: Pace | None = None,
    needs: tuple[str, ...] = (),
    skips: Skips = lambda _config, _alert: None,
) -> Callable[[Send], Send]:
    """Register the decorated function as the sender of a kind."""

    def register(send: Send) -> Send:
        _kinds[name] = Kind(
            name, label, proof, fields, send, check, summary, available, pace, needs, skips
        )
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
