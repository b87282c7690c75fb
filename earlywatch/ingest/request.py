"""What a request says, in whatever dialect: a `PingRequest`, or a `Refusal`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from earlywatch.domain.address import read_address
from earlywatch.domain.monitor import PingKind
from earlywatch.domain.runs import Progress
from earlywatch.ingest.http import Scope
from earlywatch.ingest.previews import read_agent
from earlywatch.services.incoming import ByName, IncomingPing, Wish

KEY = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ANY_UUID = re.compile(KEY, re.IGNORECASE)
GZIP = (b"gzip", b"x-gzip")
SCHEMES = {b"http": "http", b"https": "https"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is no ping: HTTP status and a sentence for the person who reads the log."""

    status: int
    words: str


@dataclass(frozen=True, slots=True)
class WishText:
    """The monitor that a ping with `create=1` asks for, as it was written and not yet checked."""

    period: str | None = None
    grace: str | None = None
    cron: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query of a request says."""

    run_id: UUID | None = None
    message: str | None = None
    progress: Progress | None = None
    metrics: Mapping[str, float] | None = None
    wish: WishText | None = None


NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of a request says. `plain`: no ending and no status."""

    name: UUID | ByName
    kind: PingKind
    exit_status: int | None
    plain: bool


@dataclass(slots=True)  # not frozen: that costs more than all the rest of reading a request
class Sender:
    """What a request says of who sends it."""

    method: str
    scheme: str
    remote_address: str | None
    user_agent: str | None
    preview: bool  # it is a program that previews links


@dataclass(slots=True)
class PingRequest:
    """What the head of a request says; the body comes after."""

    address: Address
    sender: Sender
    has_body: bool
    packed: bool  # the body is in gzip
    asked: Asked = NOTHING  # once its query is read
    wish: Wish | None = None  # `asked.wish`, once it is checked

    def ping(self, received_at: datetime, body: bytes | None, tail: bytes | None) -> IncomingPing:
        """Return the ping, which reached us at `received_at` (UTC)."""
        address, asked, sender = self.address, self.asked, self.sender
        return IncomingPing(
            address.name,
            address.kind,
            received_at,
            sender.method,
            sender.scheme,
            address.plain,
            sender.preview,
            address.exit_status,
            asked.run_id,
            asked.progress,
            asked.metrics,
            asked.message,
            body,
            tail,
            self.wish,
            sender.remote_address,
            sender.user_agent,
        )


def read_head(scope: Scope, address: Address, trusted_proxies: int) -> PingRequest:
    """Return a request with what every dialect has in common.

    `trusted_proxies` is how many proxies of ours stand in front: the address that the outermost
    of them saw is the client's. What stands left of it in `X-Forwarded-For` was written by the
    client and proves nothing.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    given = dict(headers)
    agent, preview = read_agent(given.get(b"user-agent", b""))
    client: tuple[str, int] | None = scope["client"]
    remote_address = read_address(client[0]) if client else None
    scheme: str = scope["scheme"]
    if trusted_proxies:
        remote_address = _forwarded(headers, trusted_proxies) or remote_address
        said = given.get(b"x-forwarded-proto", b"").rpartition(b",")[2].strip().lower()
        scheme = SCHEMES.get(said, scheme)
    return PingRequest(
        address,
        Sender(scope["method"], scheme, remote_address, agent, preview),
        announces_body(given),
        given.get(b"content-encoding", b"").strip().lower() in GZIP,
    )


def announces_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body follows the head."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _forwarded(headers: list[tuple[bytes, bytes]], trusted_proxies: int) -> str | None:
    values = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    addresses = values.decode("latin-1").split(",")
    if len(addresses) < trusted_proxies:
        return None
    return read_address(addresses[-trusted_proxies])
