"""How a page shows what a ping carried: as text, as JSON in lines, or in hexadecimal."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

HEX_SHOWN = 4096  # bytes; the rest is in the download
PER_LINE = 16  # bytes
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}

TOKEN = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"|[][{},:]|[^]["{},:\s]++')
OPENING, CLOSING = ("[", "{"), ("]", "}")
DEEPEST = 20  # levels that are indented; more would fill megabytes with blanks
LONGEST = 500_000  # characters of JSON in lines


class Way(StrEnum):
    """A way to show a body."""

    TEXT = "text"
    JSON = "json"
    HEX = "hex"


@dataclass(frozen=True)
class BodyView:
    """A body as it is shown. `hidden` bytes of it are not; `lossy`: some cannot be, as text."""

    way: Way
    ways: tuple[Way, ...]  # that are possible
    shown: str
    hidden: int = 0
    lossy: bool = False


def view_body(body: bytes, wanted: str = "") -> BodyView:
    """Return the body the wanted way, or the best way if that is none or impossible."""
    text, lines = as_text(body), as_json(body)
    best = Way.JSON if lines is not None else Way.TEXT if text is not None else Way.HEX
    ways = tuple(way for way in Way if way is not Way.JSON or lines is not None)
    way = Way(wanted) if wanted in ways else best
    if way is Way.JSON:
        return BodyView(way, ways, lines or "")
    if way is Way.HEX:
        return BodyView(way, ways, hex_dump(body[:HEX_SHOWN]), max(0, len(body) - HEX_SHOWN))
    if text is None:
        return BodyView(way, ways, _visible(body.decode(errors="replace")), lossy=True)
    return BodyView(way, ways, text)


def as_text(body: bytes) -> str | None:
    """Return `body` as text, or None if it is binary.

    Colours meant for a terminal are left out; other control characters are made visible.
    """
    if b"\0" in body:
        return None
    for cut in range(min(4, len(body) + 1)):  # we may have cut the last character in two
        try:
            return _visible(body[: len(body) - cut].decode())
        except UnicodeDecodeError:
            continue
    return None


def as_json(body: bytes) -> str | None:
    """Return a JSON object or list in lines, or None if `body` is none.

    Each number, name and text stays as it was written, and so do names that come twice.
    """
    try:
        text = body.decode()
        if not isinstance(json.loads(text), dict | list):
            return None
    except (ValueError, RecursionError):
        return None
    lines = "".join(_laid_out(text))
    return _visible(lines) if len(lines) <= LONGEST else None


def hex_dump(body: bytes) -> str:
    """Return `body` in lines of offset, hexadecimal and ASCII."""
    lines = []
    for start in range(0, len(body), PER_LINE):
        part = body[start : start + PER_LINE]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{PER_LINE * 3 - 1}}  {ascii_}")
    return "\n".join(lines)


def _visible(text: str) -> str:
    return COLOURS.sub("", text).replace("\r\n", "\n").translate(PICTURES)


def _laid_out(text: str) -> Iterator[str]:
    """Yield valid JSON token by token, with line breaks. Empty brackets stay together."""
    depth, before = 0, ""
    for piece in TOKEN.findall(text):
        opened, closing = before in OPENING, piece in CLOSING
        depth -= closing
        if before == "," or opened != closing:
            yield "\n" + "  " * min(depth, DEEPEST)
        yield f"{piece} " if piece == ":" else piece
        depth += piece in OPENING
        before = piece
