"""What a ping means, once its monitor is known: the owner's rules for the door. No I/O."""

import json
import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from earlywatch.domain.address import find_address
from earlywatch.domain.keywords import Keywords
from earlywatch.domain.masking import mask, mask_text
from earlywatch.domain.monitor import PingKind
from earlywatch.services.incoming import (
    BODY_LIMIT,
    MESSAGE_LIMIT,
    ByName,
    IncomingPing,
    Outcome,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """Which pings of a monitor its owner takes, and as what. No networks: from everywhere."""

    post_only: bool = False
    sticky_pause: bool = True
    mask_secrets: bool = True
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    keywords: Keywords | None = None


USUAL = Intake()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a ping is taken for.

    `reason` is why, if the job did not say so itself, for people; `outcome` what it comes to, if
    that is settled.
    """

    kind: PingKind
    reason: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of what a ping said; `masked` secrets are not, None if there were none."""

    message: str | None
    body: bytes | None
    body_cut: bool
    masked: int | None


AS_TOLD = {kind: Reading(kind) for kind in PingKind}
PREVIEW = Reading(PingKind.IGNORED, "link preview", Outcome.RECORDED)
NOT_POSTED = Reading(PingKind.IGNORED, "not a POST", Outcome.NOT_POSTED)
NO_KEYWORD = Reading(PingKind.IGNORED, "no keyword found")
WRONG_NETWORK = Reading(PingKind.IGNORED, outcome=Outcome.WRONG_NETWORK)
HIDDEN = "[masked]"
NOTHING = Kept(None, None, False, None)


def read(ping: IncomingPing, intake: Intake) -> Reading:
    """Return what a ping means to a monitor with these rules."""
    if intake.networks and not _comes_from(ping.remote_address, intake.networks):
        return WRONG_NETWORK
    if ping.preview:
        return PREVIEW
    if intake.post_only and ping.method in ("GET", "HEAD"):
        return NOT_POSTED
    if intake.keywords and ping.plain:
        return _read_words(ping, intake.keywords)
    return AS_TOLD[ping.kind]


def keep(ping: IncomingPing, intake: Intake) -> Kept:
    """Return what to store of a ping's message and body: without secrets, and cut."""
    message, body = ping.message, ping.body
    if not message and not body:
        return NOTHING
    masked = found = 0
    # Whoever sees what a job said may not be allowed to ping: `set -x` shows the whole address.
    key = ping.name.ping_key if isinstance(ping.name, ByName) else str(ping.name)
    cut = ping.tail is not None
    if message:
        over = len(message) - MESSAGE_LIMIT
        if intake.mask_secrets:
            message, masked = mask_text(message)
        masked += message.count(key)
        message = message.replace(key, HIDDEN)
        message = message[: _room(len(message), over, MESSAGE_LIMIT)]
    if body:
        over = len(body) - BODY_LIMIT
        if intake.mask_secrets:
            body, found = mask(body)
        found += body.count(key.encode())
        body = body.replace(key.encode(), HIDDEN.encode())
        cut = cut or over > 0 or len(body) > BODY_LIMIT
        body = body[: _room(len(body), over, BODY_LIMIT)]
    return Kept(message, body, cut, masked + found or None)


@lru_cache(maxsize=20_000)
def read_intake(stored: str | None) -> Intake:
    """Return the rules out of JSON, None for the usual ones.

    What cannot be read any more is told in the log and costs no ping.
    """
    if stored is None:
        return USUAL
    try:
        return _intake(**json.loads(stored))
    except Exception:  # whatever it is: silence about a job that runs would be a false alarm
        logger.exception("rules for pings cannot be read")
        return USUAL


def _read_words(ping: IncomingPing, keywords: Keywords) -> Reading:
    kind, word = keywords.find(ping.message, (ping.body or b"") + (ping.tail or b""))
    if word is None:
        return NO_KEYWORD if kind is PingKind.IGNORED else AS_TOLD[kind]
    # Said with the ping: the word may stand where the body is cut.
    return Reading(kind, f"it says “{word}”")


def _room(length: int, over: int, limit: int) -> int:
    """Return how much to keep of what is masked now, and was `over` the limit before.

    What came beyond the limit goes, however short the rest has become: the end of it may be the
    beginning of a secret that nobody could know for one.
    """
    return max(0, min(limit, length - max(0, over)))


def _intake(networks: list[str], keywords: dict[str, Any] | None, **switches: bool) -> Intake:
    return Intake(
        networks=tuple(ip_network(network) for network in networks),
        keywords=Keywords.from_json(keywords) if keywords else None,
        **switches,
    )


def _comes_from(
    remote_address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]
) -> bool:
    address = find_address(remote_address) if remote_address else None
    return address is not None and any(address in network for network in networks)
