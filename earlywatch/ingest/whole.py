"""Whole requests: a ping that came in one piece needs no parser that can wait for the rest.

Most come so: what `curl` sends is one packet. Whatever is unusual about a request is left to the
server's own parser, which knows all of HTTP; here is only what cannot be read in two ways.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from earlywatch.ingest.http import Scope

LONGEST_HEAD = 4096  # bytes
MOST_HEADERS = 50
LINE = re.compile(rb"(GET|HEAD|POST) (/ping/[\w/.~-]*)(?:\?([!-\"$-~]*))? HTTP/1\.1")
HEADER = re.compile(rb"([A-Za-z0-9-]+):([\t -~\x80-\xff]*)")
LENGTH = re.compile(rb"[0-9]{1,8}")
# Each of these makes a request that is read in another way.
UNUSUAL = frozenset(
    (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"te", b"trailer")
)
ONCE = frozenset((b"host", b"content-length", b"connection"))


class Head(NamedTuple):
    """The headers of a request, and the bytes of body that follow."""

    headers: list[tuple[bytes, bytes]]
    length: int
    closes: bool  # the connection ends with the answer


class Whole(NamedTuple):
    """A request with all of its body, and the bytes behind it."""

    scope: Scope
    body: bytes
    closes: bool
    rest: bytes


def take(data: bytes, client: tuple[str, int] | None) -> Whole | None:
    """Return the request that `data` begins with, None if it is unusual or not all there."""
    end = data.find(b"\r\n\r\n", 0, LONGEST_HEAD)
    if end < 0:
        return None
    line_end = data.find(b"\r\n")
    line = LINE.fullmatch(data, 0, line_end)
    head = read_headers(data[line_end + 2 : end + 2]) if line else None
    if head is None or line is None:
        return None
    start = end + 4
    body_end = start + head.length
    if len(data) < body_end:
        return None
    method, path, query = line.groups(b"")
    scope: Scope = {
        "type": "http",
        "method": method.decode(),
        "path": path.decode(),
        "query_string": query,
        "headers": head.headers,
        "client": client,
        "scheme": "http",  # a proxy that speaks TLS for us says so in a header
    }
    return Whole(scope, data[start:body_end], head.closes, data[body_end:])


@lru_cache(maxsize=2_000)  # jobs send the same few lines again and again
def read_headers(lines: bytes) -> Head | None:
    """Return the headers in `lines`, None if there is anything unusual about them."""
    found = [HEADER.fullmatch(line) for line in lines.split(b"\r\n")[:-1]]
    headers = [(match[1].lower(), match[2].strip(b"\t ")) for match in found if match]
    if not len(found) == len(headers) <= MOST_HEADERS:
        return None
    given = dict(headers)
    connection = given.get(b"connection", b"keep-alive").lower()
    length = given.get(b"content-length", b"0")
    if (
        b"host" not in given
        or not UNUSUAL.isdisjoint(given)
        or _repeated(name for name, _ in headers)
        or connection not in (b"keep-alive", b"close")
        or not LENGTH.fullmatch(length)
    ):
        return None
    return Head(headers, int(length), connection == b"close")


def _repeated(names: Iterable[bytes]) -> bool:
    single = [name for name in names if name in ONCE]
    return len(single) > len(set(single))
