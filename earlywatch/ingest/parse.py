"""Our ping protocol: a request becomes a `PingRequest` or a `Refusal`. Never raises.

A dialect is such a function; what all of them have in common is in `request`.
"""

import re
from functools import lru_cache
from uuid import UUID

from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.http import Scope
from earlywatch.ingest.request import ANY_UUID, KEY, Address, PingRequest, Refusal, read_head
from earlywatch.services.incoming import ByName
from earlywatch.services.slugs import SLUG

ENDING = "(?:/(start|fail|log|[0-9]+))?/?"
BY_KEY = re.compile(f"/ping/({KEY}){ENDING}")
BY_NAME = re.compile(f"/ping/([A-Za-z0-9_-]+)/([^/]+){ENDING}")
KINDS = {kind.value: kind for kind in (PingKind.START, PingKind.FAIL, PingKind.LOG)}
METHODS = frozenset({"GET", "HEAD", "POST"})
HIGHEST_STATUS = 255
LONGEST_REMEMBERED = 200  # characters of a path

NOT_FOUND = Refusal(404, "not found")
BAD_METHOD = Refusal(405, "Send a ping with GET, HEAD or POST.")
BAD_STATUS = Refusal(400, "The exit status must be a number from 0 to 255.")
BAD_NAME = Refusal(400, "The name in a ping URL has 1 to 100 of these: a-z, 0-9, - and _.")


def parse(scope: Scope, trusted_proxies: int) -> PingRequest | Refusal:
    """Read the head of a request (an ASGI scope), all but its query: see `read_query`."""
    path: str = scope["path"]
    address = _remembered(path) if len(path) <= LONGEST_REMEMBERED else _address(path)
    if address is NOT_FOUND:
        return NOT_FOUND
    if scope["method"] not in METHODS:
        return BAD_METHOD
    if isinstance(address, Refusal):
        return address
    return read_head(scope, address, trusted_proxies)


def _address(path: str) -> Address | Refusal:
    if found := BY_KEY.fullmatch(path):
        return _with_ending(UUID(found[1]), found[2])
    found = BY_NAME.fullmatch(path)
    if found is None or ANY_UUID.fullmatch(found[1]):
        return NOT_FOUND
    ping_key, slug, ending = found.groups()
    if not SLUG.fullmatch(slug.lower()):
        return BAD_NAME
    if slug != slug.lower():
        return Refusal(400, f"Write the name in lower case: {slug.lower()}")
    return _with_ending(ByName(ping_key, slug), ending)


_remembered = lru_cache(maxsize=16_384)(_address)


def _with_ending(name: UUID | ByName, ending: str | None) -> Address | Refusal:
    if ending is None:
        return Address(name, PingKind.SUCCESS, None, plain=True)
    if kind := KINDS.get(ending):
        return Address(name, kind, None, plain=False)
    # The length first: int() refuses thousands of digits.
    if len(ending) > len(str(HIGHEST_STATUS)) or int(ending) > HIGHEST_STATUS:
        return BAD_STATUS
    status = int(ending)
    kind = PingKind.FAIL if status else PingKind.SUCCESS
    return Address(name, kind, status, plain=False)
