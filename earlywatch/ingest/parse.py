"""Our ping protocol: a request becomes a `PingRequest` or a `Refusal`. Never raises."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from earlywatch.domain.address import read_address
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.http import Scope

PATH = re.compile(
    "/ping/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    "(?:/(start|fail|log|[0-9]+))?/?"
)
RUN_ID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
METHODS = frozenset({"GET", "HEAD", "POST"})
HIGHEST_STATUS = 255
LONGEST_AGENT = 200  # characters


@dataclass(frozen=True, slots=True)
class PingRequest:
    """What the head of a request says; the body comes after."""

    key: UUID
    kind: PingKind
    exit_status: int | None
    run_id: UUID | None
    message: str | None
    method: str
    scheme: str
    remote_address: str | None
    user_agent: str | None
    has_body: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is no ping: HTTP status and a sentence for the person who reads the log."""

    status: int
    words: str


NOT_FOUND = Refusal(404, "not found")
BAD_METHOD = Refusal(405, "Send a ping with GET, HEAD or POST.")
BAD_STATUS = Refusal(400, "The exit status must be a number from 0 to 255.")
BAD_RUN_ID = Refusal(
    400, "The rid must be a UUID, for example 2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64."
)


def parse(scope: Scope, trusted_proxies: int) -> PingRequest | Refusal:
    """Read the head of a request (an ASGI scope).

    `trusted_proxies` is how many proxies of ours stand in front: the address that
    the outermost of them saw is the client's. What stands left of it in
    `X-Forwarded-For` was written by the client and proves nothing.
    """
    found = PATH.fullmatch(scope["path"])
    if found is None:
        return NOT_FOUND
    if scope["method"] not in METHODS:
        return BAD_METHOD
    key, ending = found.groups()
    told = _kind(ending)
    if isinstance(told, Refusal):
        return told
    asked = _query(scope["query_string"])
    if isinstance(asked, Refusal):
        return asked
    agent, forwarded, scheme, has_body = _headers(scope["headers"])
    if trusted_proxies == 0:
        scheme = ""
    return PingRequest(
        UUID(key),
        *told,
        *asked,
        method=scope["method"],
        scheme=scheme or scope["scheme"],
        remote_address=_client(scope["client"], forwarded, trusted_proxies),
        user_agent=agent,
        has_body=has_body,
    )


def _kind(ending: str | None) -> tuple[PingKind, int | None] | Refusal:
    if ending is None:
        return PingKind.SUCCESS, None
    if not ending.isdecimal():
        return PingKind(ending), None
    # The length first: int() refuses thousands of digits.
    if len(ending) > len(str(HIGHEST_STATUS)) or int(ending) > HIGHEST_STATUS:
        return BAD_STATUS
    status = int(ending)
    return PingKind.FAIL if status else PingKind.SUCCESS, status


def _query(query: bytes) -> tuple[UUID | None, str | None] | Refusal:
    """Return run id and message. The first of a repeated parameter counts."""
    if not query:
        return None, None
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    given = dict(reversed(pairs))
    run_id = given.get("rid")
    if run_id is not None and not RUN_ID.fullmatch(run_id):
        return BAD_RUN_ID
    return UUID(run_id) if run_id else None, _storable(given.get("m", "")) or None


def _headers(headers: list[tuple[bytes, bytes]]) -> tuple[str | None, str, str, bool]:
    """Return user agent, forwarded addresses, forwarded scheme, and whether a body follows."""
    agent, forwarded, scheme, has_body = b"", [], b"", False
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name == b"x-forwarded-for":
            forwarded.append(value)
        elif name == b"x-forwarded-proto":
            scheme = value.rpartition(b",")[2].strip().lower()
        elif name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            has_body = True
    words = _storable(agent.decode("utf-8", "replace"))[:LONGEST_AGENT] if agent else None
    known = {b"http": "http", b"https": "https"}.get(scheme, "")
    return words, b",".join(forwarded).decode("latin-1"), known, has_body


def _client(client: tuple[str, int] | None, forwarded: str, trusted_proxies: int) -> str | None:
    if trusted_proxies and forwarded:
        addresses = forwarded.split(",")
        if len(addresses) >= trusted_proxies:
            found = read_address(addresses[-trusted_proxies])
            if found is not None:
                return found
    return read_address(client[0]) if client else None


def _storable(text: str) -> str:
    """Return `text` without NUL, the one character that PostgreSQL cannot store."""
    return text.replace("\0", "�")
